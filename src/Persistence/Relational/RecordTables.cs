namespace PxBackup.Persistence.Relational;

/// <summary>The tables of records and lists.</summary>
internal static class RecordTables
{
    /// <summary>Index that keeps a record's key unique.</summary>
    public const string ByKey = "records_by_key";

    /// <summary>Index that keeps an owner's names unique.</summary>
    public const string ByNameKey = "catalog_by_name_key";

    /// <summary>
    /// Characters of a text that the index of its sort field holds: an index entry may have 2,704 bytes, a name any length. The rest
    /// is sorted among equals.
    /// </summary>
    public const int SortedBy = 100;

    /// <summary>
    /// <c>records</c> holds each object's key, version and body, and the tombstones: an insert over one is one statement that waits for
    /// whoever deletes it. <c>catalog</c> holds what lists need, of live records only, in narrow rows. <c>tags</c> are digests of labels and
    /// references. <c>audiences</c> are the distinct sets of readers (ADR 8). <c>counts</c> is a ledger: a write adds steps of +1 and −1 and
    /// waits for nobody, a total is the sum, folding adds steps up. Its rows count records by audience and bucket of creation
    /// (both given), by bucket (audience 0) and by audience (bucket −1).
    /// </summary>
    public const string Create =
        """
        CREATE TABLE schema_steps(step int PRIMARY KEY, readable_by int NOT NULL, taken timestamptz NOT NULL DEFAULT now());

        CREATE TABLE records(
            rid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind smallint NOT NULL, org text COLLATE "C" NOT NULL, uid text COLLATE "C" NOT NULL,
            version bigint NOT NULL, deleted timestamptz, message text NOT NULL, body bytea NOT NULL, readable jsonb) WITH (fillfactor = 80);
        CREATE UNIQUE INDEX records_by_key ON records(kind, org, uid);
        CREATE INDEX records_by_deleted ON records(deleted) WHERE deleted IS NOT NULL;

        CREATE TABLE catalog(
            rid bigint PRIMARY KEY, kind smallint NOT NULL, org text COLLATE "C" NOT NULL, uid text COLLATE "C" NOT NULL,
            audience bigint NOT NULL, name_key uuid NOT NULL,
            name text COLLATE "C" NOT NULL, owner text COLLATE "C" NOT NULL, created bigint NOT NULL, updated bigint NOT NULL,
            status text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL,
            cluster_name text COLLATE "C" NOT NULL, cluster_uid text COLLATE "C" NOT NULL,
            size bigint NOT NULL, backup_name text COLLATE "C" NOT NULL, due bigint);
        CREATE UNIQUE INDEX catalog_by_name_key ON catalog(name_key);
        CREATE INDEX catalog_by_created ON catalog(kind, org, created, uid) INCLUDE (audience, rid);
        CREATE INDEX catalog_by_audience ON catalog(audience, created, uid) INCLUDE (rid);
        CREATE INDEX catalog_by_updated ON catalog(kind, org, updated, uid) INCLUDE (audience, rid);
        CREATE INDEX catalog_by_size ON catalog(kind, org, size, uid) INCLUDE (audience, rid);
        CREATE INDEX catalog_by_name ON catalog(kind, org, left(name, 100), uid);
        CREATE INDEX catalog_by_cluster_name ON catalog(kind, org, left(cluster_name, 100), uid);
        CREATE INDEX catalog_by_backup_name ON catalog(kind, org, left(backup_name, 100), uid);
        CREATE INDEX catalog_by_status ON catalog(kind, org, status, created, uid);
        CREATE INDEX catalog_by_due ON catalog(kind, due, org, uid) WHERE due IS NOT NULL;

        CREATE TABLE tags(rid bigint PRIMARY KEY, tags uuid[] NOT NULL);
        CREATE INDEX tags_by_tag ON tags USING gin(tags);

        CREATE TABLE audiences(
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, digest uuid NOT NULL UNIQUE, readers text NOT NULL,
            made timestamptz NOT NULL DEFAULT now());
        CREATE TABLE audience_members(reader uuid NOT NULL, audience bigint NOT NULL, PRIMARY KEY(reader, audience));
        CREATE INDEX audience_members_by_audience ON audience_members(audience);

        CREATE TABLE counts(
            kind smallint NOT NULL, org text COLLATE "C" NOT NULL, audience bigint NOT NULL, bucket bigint NOT NULL,
            n bigint NOT NULL, is_step bool NOT NULL) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
        CREATE INDEX counts_by_place ON counts(kind, org, audience, bucket) INCLUDE (n);
        CREATE INDEX counts_of_steps ON counts(kind, org, audience, bucket) WHERE is_step;

        CREATE TABLE marks(name text PRIMARY KEY, value text NOT NULL);
        """;
}
