using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Identity;

/// <summary><c>/users</c> of Keycloak's admin REST.</summary>
internal static class AdminUsers
{
    // The whole directory is one file that is written at each change; beyond this an external provider is the right tool.
    private const int MostUsers = 10_000;

    // Of one answer; first and max lead through the rest. Keycloak's own default is 100, but clients of the product do not page.
    private const int MostListed = 1000;

    public static void Map(RouteGroupBuilder realm)
    {
        realm.MapGet("/users", AdminApi.Guarded(List));
        realm.MapPost("/users", AdminApi.Guarded(CreateAsync));
        realm.MapGet("/users/{id}", AdminApi.Guarded((context, users) =>
            AdminApi.AnswerAsync(context, Represent(Find(users.State, context)), AdminJson.Default.UserRepresentation)));
        realm.MapPut("/users/{id}", AdminApi.Guarded(UpdateAsync));
        realm.MapDelete("/users/{id}", AdminApi.Guarded(Delete));
        realm.MapPut("/users/{id}/reset-password", AdminApi.Guarded(SetPasswordAsync));
        realm.MapPost("/users/{id}/logout", AdminApi.Guarded(SignOut));
        realm.MapGet("/users/{id}/groups", AdminApi.Guarded((context, users) => AdminApi.AnswerAsync(
            context, AdminGroups.Represent(users.State, Find(users.State, context).Groups), AdminJson.Default.GroupRepresentationArray)));
        realm.MapPut("/users/{id}/groups/{group}", AdminApi.Guarded((context, users) => Membership(context, users, member: true)));
        realm.MapDelete("/users/{id}/groups/{group}", AdminApi.Guarded((context, users) => Membership(context, users, member: false)));
        AdminRoles.MapMappings(realm, "/users/{id}/role-mappings/realm",
            (state, context) => Find(state, context).Roles,
            (state, context, roles) => Changed(state, Find(state, context) with { Roles = roles }));
        realm.MapGet("/users/{id}/role-mappings/realm/composite", AdminApi.Guarded((context, users) =>
        {
            var names = users.State.RoleNames(Find(users.State, context));
            return AdminApi.AnswerAsync(
                context, AdminRoles.Represent(users.State.Roles.Where(role => names.Contains(role.Name))), AdminJson.Default.RoleRepresentationArray);
        }));
    }

    public static UserRepresentation Represent(User user) => new()
    {
        Id = user.Id,
        Username = user.Username,
        Email = user.Email,
        FirstName = user.FirstName,
        LastName = user.LastName,
        Enabled = user.Enabled,
        CreatedTimestamp = user.CreatedAt.ToUnixTimeMilliseconds(),
    };

    private static User Find(DirectoryState state, HttpContext context) =>
        state.UserById(AdminApi.Route(context, "id")) ?? throw AdminRefusal.NotFound("User");

    private static Task List(HttpContext context, UserDirectory users)
    {
        var query = context.Request.Query;
        var found = users.State.Users.AsEnumerable();
        if (query["username"].ToString() is { Length: > 0 } name)
            found = found.Where(user => query["exact"] == "true" ? user.Username == name : Holds(user.Username, name));
        if (query["search"].ToString() is { Length: > 0 } search)
            found = found.Where(user => Holds(user.Username, search) || Holds(user.Email, search) || Holds(user.FullName, search));
        return AdminApi.AnswerAsync(context, Page(context, found), AdminJson.Default.UserRepresentationArray);
    }

    /// <summary>The users of a list that the query's <c>first</c> and <c>max</c> ask for.</summary>
    public static UserRepresentation[] Page(HttpContext context, IEnumerable<User> users)
    {
        var query = context.Request.Query;
        return [.. users.OrderBy(user => user.Username, StringComparer.Ordinal)
            .Skip(Number(query["first"], 0)).Take(Math.Min(Number(query["max"], MostListed), MostListed)).Select(Represent)];
    }

    private static bool Holds(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static int Number(string? text, int otherwise) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private static async Task CreateAsync(HttpContext context, UserDirectory users)
    {
        var given = await AdminApi.ReadAsync(context, AdminJson.Default.UserRepresentation).ConfigureAwait(false);
        var name = Checked(given.Username ?? "", "username", 255).Trim().ToLowerInvariant();
        if (name.Length == 0)
            throw new AdminRefusal(StatusCodes.Status400BadRequest, "User name is missing");
        var user = With(new()
        {
            Id = Guid.NewGuid().ToString(),
            Username = name,
            Enabled = given.Enabled ?? false,
            CreatedAt = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(),
            Password = given.Credentials is { Count: > 0 } credentials ? await HashAsync(context, name, credentials[0]).ConfigureAwait(false) : "",
        }, given);
        users.Change(state =>
        {
            if (state.UserByName(name) is not null)
                throw new AdminRefusal(StatusCodes.Status409Conflict, "User exists with same username");
            if (user.Email.Length > 0 && state.Users.Any(other => string.Equals(other.Email, user.Email, StringComparison.OrdinalIgnoreCase)))
                throw new AdminRefusal(StatusCodes.Status409Conflict, "User exists with same email");
            if (state.Users.Length >= MostUsers)
                throw new AdminRefusal(StatusCodes.Status409Conflict, $"the embedded identity provider keeps at most {MostUsers} users; use an external one");
            return state.With(user with
            {
                Groups = [.. (given.Groups ?? []).Select(path => AdminGroups.ByPath(state, path).Id).Distinct()],
            });
        });
        AdminApi.Created(context, user.Id);
    }

    private static async Task UpdateAsync(HttpContext context, UserDirectory users)
    {
        var given = await AdminApi.ReadAsync(context, AdminJson.Default.UserRepresentation).ConfigureAwait(false);
        users.Change(state =>
        {
            var user = Find(state, context);
            if (given.Username is { } name && !name.Equals(user.Username, StringComparison.OrdinalIgnoreCase))
                throw new AdminRefusal(StatusCodes.Status400BadRequest, "username cannot be changed");
            return Changed(state, With(user with { Enabled = given.Enabled ?? user.Enabled }, given));
        });
        // Who is enabled again begins anew.
        if (given.Enabled == false)
            Sessions(context).EndAll(AdminApi.Route(context, "id"));
        AdminApi.Done(context);
    }

    private static Task Delete(HttpContext context, UserDirectory users)
    {
        users.Change(state => KeepingAdministrator(state, state.Without(Find(state, context))));
        AdminApi.Done(context);
        return Task.CompletedTask;
    }

    private static async Task SetPasswordAsync(HttpContext context, UserDirectory users)
    {
        var credential = await AdminApi.ReadAsync(context, AdminJson.Default.CredentialRepresentation).ConfigureAwait(false);
        var hash = await HashAsync(context, Find(users.State, context).Username, credential).ConfigureAwait(false);
        users.Change(state => state.With(Find(state, context) with { Password = hash }));
        Sessions(context).EndAll(AdminApi.Route(context, "id"));
        AdminApi.Done(context);
    }

    private static Task SignOut(HttpContext context, UserDirectory users)
    {
        Sessions(context).EndAll(Find(users.State, context).Id);
        AdminApi.Done(context);
        return Task.CompletedTask;
    }

    private static SessionBook Sessions(HttpContext context) => context.RequestServices.GetRequiredService<EmbeddedIdentity>().Sessions;

    private static Task Membership(HttpContext context, UserDirectory users, bool member)
    {
        users.Change(state =>
        {
            var user = Find(state, context);
            var group = state.GroupById(AdminApi.Route(context, "group")) ?? throw AdminRefusal.NotFound("Group");
            return user.Groups.Contains(group.Id) == member
                ? state : Changed(state, user with { Groups = member ? user.Groups.Add(group.Id) : user.Groups.Remove(group.Id) });
        });
        AdminApi.Done(context);
        return Task.CompletedTask;
    }

    private static DirectoryState Changed(DirectoryState state, User user) => KeepingAdministrator(state, state.With(user));

    /// <summary>Without this one wrong call would leave nobody who could undo it.</summary>
    internal static DirectoryState KeepingAdministrator(DirectoryState before, DirectoryState after) =>
        before.Users.Any(before.IsAdministrator) && !after.Users.Any(after.IsAdministrator)
            ? throw new AdminRefusal(StatusCodes.Status400BadRequest, "the last enabled administrator cannot be removed: make another one first")
            : after;

    private static User With(User user, UserRepresentation given) => user with
    {
        Email = Checked(given.Email ?? user.Email, "email", 255),
        FirstName = Checked(given.FirstName ?? user.FirstName, "firstName", 255),
        LastName = Checked(given.LastName ?? user.LastName, "lastName", 255),
    };

    // What is no printable line (control, direction and zero-width characters, halves of characters) could pass for another name.
    internal static string Checked(string text, string field, int longest) => text.Length <= longest && OutsideText.OneLine(text, longest) == text.Trim(' ')
        ? text : throw new AdminRefusal(StatusCodes.Status400BadRequest, $"{field} must have at most {longest} characters, none of them invisible (control, direction or zero-width characters, doubled blanks)");

    private static async Task<string> HashAsync(HttpContext context, string username, CredentialRepresentation? credential)
    {
        if (credential?.Type is not (null or "password"))
            throw new AdminRefusal(StatusCodes.Status400BadRequest, "credentials.type must be 'password'");
        if (credential?.Value is not { Length: >= 8 and <= 256 } password || password.Equals(username, StringComparison.OrdinalIgnoreCase))
            throw new AdminRefusal(StatusCodes.Status400BadRequest, "credentials.value must have 8 to 256 characters and must not be the user's name");
        // In the queue of those who sign in: an administrator in a loop must not take the cores either.
        using var turn = await context.RequestServices.GetRequiredService<HashQueue>()
            .EnterAsync("administration", "administration", isKnown: true, context.RequestAborted).ConfigureAwait(false);
        return turn is null
            ? throw new AdminRefusal(StatusCodes.Status429TooManyRequests, "too many passwords are being set at once: ask again shortly")
            : PasswordHash.Of(password);
    }
}
