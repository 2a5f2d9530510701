using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Identity;

/// <summary><c>/groups</c> of Keycloak's admin REST; groups are flat.</summary>
internal static class AdminGroups
{
    private const int MostGroups = 1000;

    public static void Map(RouteGroupBuilder realm)
    {
        realm.MapGet("/groups", AdminApi.Guarded((context, users) => AdminApi.AnswerAsync(
            context, Represent(users.State, [.. users.State.Groups.Select(group => group.Id)]), AdminJson.Default.GroupRepresentationArray)));
        realm.MapPost("/groups", AdminApi.Guarded(CreateAsync));
        realm.MapGet("/groups/{id}", AdminApi.Guarded((context, users) =>
            AdminApi.AnswerAsync(context, Represent(Find(users.State, context)), AdminJson.Default.GroupRepresentation)));
        realm.MapDelete("/groups/{id}", AdminApi.Guarded(Delete));
        realm.MapGet("/groups/{id}/members", AdminApi.Guarded((context, users) =>
        {
            var group = Find(users.State, context);
            var members = AdminUsers.Page(context, users.State.Users.Where(user => user.Groups.Contains(group.Id)));
            return AdminApi.AnswerAsync(context, members, AdminJson.Default.UserRepresentationArray);
        }));
        AdminRoles.MapMappings(realm, "/groups/{id}/role-mappings/realm",
            (state, context) => Find(state, context).Roles,
            (state, context, roles) => AdminUsers.KeepingAdministrator(state, state.With(Find(state, context) with { Roles = roles })));
    }

    public static GroupRepresentation[] Represent(DirectoryState state, ImmutableArray<string> ids) =>
        [.. state.Groups.Where(group => ids.Contains(group.Id)).OrderBy(group => group.Name, StringComparer.Ordinal).Select(Represent)];

    /// <summary>A group by its name, with or without the leading slash.</summary>
    public static UserGroup ByPath(DirectoryState state, string path) =>
        state.Groups.FirstOrDefault(group => group.Name == CallerIdentity.WithoutSlash(path))
        ?? throw new AdminRefusal(StatusCodes.Status400BadRequest, $"there is no group '{OutsideText.OneLine(path, 255)}'");

    private static GroupRepresentation Represent(UserGroup group) => new() { Id = group.Id, Name = group.Name, Path = "/" + group.Name };

    private static UserGroup Find(DirectoryState state, HttpContext context) =>
        state.GroupById(AdminApi.Route(context, "id")) ?? throw AdminRefusal.NotFound("Group");

    private static async Task CreateAsync(HttpContext context, UserDirectory users)
    {
        var given = await AdminApi.ReadAsync(context, AdminJson.Default.GroupRepresentation).ConfigureAwait(false);
        var group = new UserGroup { Id = Guid.NewGuid().ToString(), Name = AdminUsers.Checked(given.Name ?? "", "name", 255) };
        if (string.IsNullOrWhiteSpace(group.Name) || group.Name.Contains('/'))
            throw new AdminRefusal(StatusCodes.Status400BadRequest, "name is missing or holds a slash");
        users.Change(state =>
        {
            if (state.Groups.Any(other => other.Name == group.Name))
                throw new AdminRefusal(StatusCodes.Status409Conflict, $"Top level group named '{group.Name}' already exists.");
            if (state.Groups.Length >= MostGroups)
                throw new AdminRefusal(StatusCodes.Status409Conflict, $"the embedded identity provider keeps at most {MostGroups} groups");
            return state with { Groups = state.Groups.Add(group) };
        });
        AdminApi.Created(context, group.Id);
    }

    private static Task Delete(HttpContext context, UserDirectory users)
    {
        users.Change(state => AdminUsers.KeepingAdministrator(state, state.Without(Find(state, context))));
        AdminApi.Done(context);
        return Task.CompletedTask;
    }
}
