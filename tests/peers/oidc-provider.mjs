// Test provider: node server.mjs PORT KEYFILE. Port 0 takes a free one. Prints "issuer URL" when it listens.
// Grant types: client_credentials (client svc, with a resource: at+jwt) and password (made-up users below).
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import Provider, { errors } from 'oidc-provider';

const [port, keyFile] = [Number(process.argv[2]), process.argv[3]];
const audience = 'urn:px-backup';
const lifetime = 300;
const people = new Map([
  ['alice', { secret: 'alice-made-up', groups: ['/px-admin-group'], roles: ['px-backup-super.admin'] }],
  ['bob', { secret: 'bob-made-up', groups: ['/team-a', '/team-b'], roles: ['px-backup-app.user'] }],
]);

function signingKeys() {
  if (fs.existsSync(keyFile)) return JSON.parse(fs.readFileSync(keyFile, 'utf8'));
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = [{ ...privateKey.export({ format: 'jwk' }), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' }];
  fs.writeFileSync(keyFile, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}

function claimsFor(name) {
  const person = people.get(name);
  return person
    ? { preferred_username: name, email: `${name}@example.test`, groups: person.groups, realm_access: { roles: person.roles } }
    : { realm_access: { roles: [] }, groups: [] };
}

// The issuer holds the port, so listen first.
const server = http.createServer();
await new Promise((done) => server.listen(port, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const api = { scope: 'backup', audience, accessTokenFormat: 'jwt', accessTokenTTL: lifetime, jwt: { sign: { alg: 'RS256' } } };
const provider = new Provider(issuer, {
  jwks: { keys: signingKeys() },
  clients: [{
    client_id: 'svc', client_secret: 'svc-made-up', grant_types: ['client_credentials', 'password'],
    redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['openid', 'backup'],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...claimsFor(id) }) }),
  extraTokenClaims: (_, token) => claimsFor(token.accountId),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: { enabled: true, defaultResource: () => audience, useGrantedResource: () => true, getResourceServerInfo: () => api },
  },
  ttl: { AccessToken: lifetime, ClientCredentials: lifetime },
  cookies: { keys: ['made-up'] },
});

provider.registerGrantType('password', async (ctx) => {
  const { username, password } = ctx.oidc.params;
  if (people.get(username)?.secret !== password) throw new errors.InvalidGrant('wrong name or password');
  const { client } = ctx.oidc;
  const grant = new provider.Grant({ accountId: username, clientId: client.clientId });
  grant.addResourceScope(audience, api.scope);
  const token = new provider.AccessToken({ accountId: username, client, grantId: await grant.save(), gty: 'password', scope: api.scope });
  token.resourceServer = new provider.ResourceServer(audience, api);
  ctx.oidc.entity('AccessToken', token);
  ctx.body = { access_token: await token.save(), expires_in: lifetime, token_type: 'Bearer' };
}, ['username', 'password'], []);

server.on('request', provider.callback());
console.log('issuer', issuer);
