using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary><c>/roles</c> and role mappings of Keycloak's admin REST.</summary>
internal static class AdminRoles
{
    private const int MostRoles = 1000;

    public static void Map(RouteGroupBuilder realm)
    {
        realm.MapGet("/roles", AdminApi.Guarded((context, users) =>
            AdminApi.AnswerAsync(context, Represent(users.State.Roles), AdminJson.Default.RoleRepresentationArray)));
        realm.MapPost("/roles", AdminApi.Guarded(CreateAsync));
        realm.MapGet("/roles/{name}", AdminApi.Guarded((context, users) =>
            AdminApi.AnswerAsync(context, Represent(ByName(users.State, context)), AdminJson.Default.RoleRepresentation)));
        realm.MapDelete("/roles/{name}", AdminApi.Guarded((context, users) => Delete(context, users, state => ByName(state, context))));
        realm.MapDelete("/roles-by-id/{id}", AdminApi.Guarded((context, users) => Delete(
            context, users, state => state.RoleById(AdminApi.Route(context, "id")) ?? throw AdminRefusal.NotFound("Role"))));
    }

    /// <summary>GET, POST and DELETE of a list of roles at a path of a user or a group.</summary>
    public static void MapMappings(
        RouteGroupBuilder realm,
        string path,
        Func<DirectoryState, HttpContext, ImmutableArray<string>> read,
        Func<DirectoryState, HttpContext, ImmutableArray<string>, DirectoryState> write)
    {
        realm.MapGet(path, AdminApi.Guarded((context, users) =>
        {
            var ids = read(users.State, context);
            return AdminApi.AnswerAsync(context, Represent(users.State.Roles.Where(role => ids.Contains(role.Id))), AdminJson.Default.RoleRepresentationArray);
        }));
        realm.MapPost(path, AdminApi.Guarded((context, users) => ApplyAsync(context, users, static (now, named) => [.. now.Union(named)])));
        realm.MapDelete(path, AdminApi.Guarded((context, users) => ApplyAsync(context, users, static (now, named) => [.. now.Except(named)])));

        async Task ApplyAsync(HttpContext context, UserDirectory users, Func<ImmutableArray<string>, string[], ImmutableArray<string>> combine)
        {
            var given = await AdminApi.ReadAsync(context, AdminJson.Default.RoleRepresentationArray).ConfigureAwait(false);
            users.Change(state => write(state, context, combine(read(state, context), [.. given.Select(role => Find(state, role).Id)])));
            AdminApi.Done(context);
        }
    }

    public static RoleRepresentation[] Represent(IEnumerable<RealmRole> roles) =>
        [.. roles.OrderBy(role => role.Name, StringComparer.Ordinal).Select(Represent)];

    private static RoleRepresentation Represent(RealmRole role) => new()
    {
        Id = role.Id,
        Name = role.Name,
        Description = role.Description,
        Composite = false,
        ClientRole = false,
        ContainerId = "master",
    };

    private static RealmRole ByName(DirectoryState state, HttpContext context) =>
        state.RoleByName(AdminApi.Route(context, "name")) ?? throw new AdminRefusal(StatusCodes.Status404NotFound, "Could not find role");

    private static RealmRole Find(DirectoryState state, RoleRepresentation? given) =>
        (given?.Id is { } id ? state.RoleById(id) : given?.Name is { } name ? state.RoleByName(name) : null)
        ?? throw new AdminRefusal(StatusCodes.Status404NotFound, "Role not found");

    private static async Task CreateAsync(HttpContext context, UserDirectory users)
    {
        var given = await AdminApi.ReadAsync(context, AdminJson.Default.RoleRepresentation).ConfigureAwait(false);
        var role = new RealmRole
        {
            Id = Guid.NewGuid().ToString(),
            Name = AdminUsers.Checked(given.Name ?? "", "name", 255),
            Description = AdminUsers.Checked(given.Description ?? "", "description", 255),
        };
        if (string.IsNullOrWhiteSpace(role.Name))
            throw new AdminRefusal(StatusCodes.Status400BadRequest, "name is missing");
        users.Change(state =>
        {
            if (state.RoleByName(role.Name) is not null)
                throw new AdminRefusal(StatusCodes.Status409Conflict, $"Role with name {role.Name} already exists");
            if (state.Roles.Length >= MostRoles)
                throw new AdminRefusal(StatusCodes.Status409Conflict, $"the embedded identity provider keeps at most {MostRoles} roles");
            return state with { Roles = state.Roles.Add(role) };
        });
        AdminApi.Created(context, role.Name);
    }

    private static Task Delete(HttpContext context, UserDirectory users, Func<DirectoryState, RealmRole> find)
    {
        users.Change(state =>
        {
            var role = find(state);
            return role.Name == CallerIdentity.SuperAdminRole
                ? throw new AdminRefusal(StatusCodes.Status400BadRequest, $"{role.Name} is the product's own and cannot be removed")
                : state.Without(role);
        });
        AdminApi.Done(context);
        return Task.CompletedTask;
    }
}
