CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" (
    "MigrationId" TEXT NOT NULL CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY,
    "ProductVersion" TEXT NOT NULL
);

CREATE TABLE "modules" (
    "digest" TEXT NOT NULL CONSTRAINT "PK_modules" PRIMARY KEY,
    "kind" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "author" TEXT NOT NULL,
    "abi" TEXT NULL,
    "imports" TEXT NOT NULL,
    "exports" TEXT NOT NULL,
    "content" BLOB NOT NULL
);

CREATE TABLE "sessions" (
    "hash" TEXT NOT NULL CONSTRAINT "PK_sessions" PRIMARY KEY,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "expires_at" INTEGER NOT NULL
);

CREATE TABLE "tokens" (
    "name" TEXT NOT NULL CONSTRAINT "PK_tokens" PRIMARY KEY,
    "role" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL
);

CREATE TABLE "versions" (
    "number" INTEGER NOT NULL CONSTRAINT "PK_versions" PRIMARY KEY,
    "created_at" INTEGER NOT NULL,
    "author" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "comment" TEXT NULL,
    "labels" TEXT NOT NULL,
    "pinned" INTEGER NOT NULL,
    "base_version" INTEGER NULL,
    "restores" INTEGER NULL,
    "state" TEXT NOT NULL,
    "document" BLOB NOT NULL,
    "digest" TEXT NOT NULL,
    "added" INTEGER NOT NULL,
    "changed" INTEGER NOT NULL,
    "removed" INTEGER NOT NULL,
    "summary" TEXT NOT NULL
);

CREATE TABLE "module_names" (
    "name" TEXT NOT NULL CONSTRAINT "PK_module_names" PRIMARY KEY,
    "digest" TEXT NOT NULL,
    "updated_at" INTEGER NOT NULL,
    CONSTRAINT "FK_module_names_modules_digest" FOREIGN KEY ("digest") REFERENCES "modules" ("digest") ON DELETE CASCADE
);

CREATE TABLE "deployments" (
    "id" TEXT NOT NULL CONSTRAINT "PK_deployments" PRIMARY KEY,
    "version" INTEGER NOT NULL,
    "previous_version" INTEGER NULL,
    "state" TEXT NOT NULL,
    "started_at" INTEGER NOT NULL,
    "finished_at" INTEGER NULL,
    "confirm_deadline" INTEGER NULL,
    "prepare_ms" REAL NOT NULL,
    "duration_ms" REAL NOT NULL,
    "workers" TEXT NOT NULL,
    "errors" TEXT NULL,
    CONSTRAINT "FK_deployments_versions_version" FOREIGN KEY ("version") REFERENCES "versions" ("number") ON DELETE CASCADE
);

CREATE TABLE "head" (
    "id" INTEGER NOT NULL CONSTRAINT "PK_head" PRIMARY KEY,
    "active_version" INTEGER NULL,
    "previous_version" INTEGER NULL,
    "last_number" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL,
    CONSTRAINT "head_is_single" CHECK (id = 1),
    CONSTRAINT "FK_head_versions_active_version" FOREIGN KEY ("active_version") REFERENCES "versions" ("number") ON DELETE RESTRICT
);

CREATE TABLE "version_modules" (
    "version" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,
    CONSTRAINT "PK_version_modules" PRIMARY KEY ("version", "digest"),
    CONSTRAINT "FK_version_modules_modules_digest" FOREIGN KEY ("digest") REFERENCES "modules" ("digest") ON DELETE RESTRICT,
    CONSTRAINT "FK_version_modules_versions_version" FOREIGN KEY ("version") REFERENCES "versions" ("number") ON DELETE CASCADE
);

CREATE INDEX "IX_deployments_started_at" ON "deployments" ("started_at");

CREATE INDEX "IX_deployments_state" ON "deployments" ("state");

CREATE INDEX "IX_deployments_version" ON "deployments" ("version");

CREATE INDEX "IX_head_active_version" ON "head" ("active_version");

CREATE INDEX "IX_module_names_digest" ON "module_names" ("digest");

CREATE INDEX "IX_version_modules_digest" ON "version_modules" ("digest");

CREATE INDEX "IX_versions_state" ON "versions" ("state");

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261122223303_InitialHistory', '10.0.15');


ALTER TABLE "versions" ADD "comments" BLOB NULL;

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261130180000_VersionComments', '10.0.15');


ALTER TABLE "deployments" ADD "revert_rule" TEXT NULL;

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261130230000_RevertRules', '10.0.15');


CREATE TABLE "secret_spans" (
    "digest" TEXT NOT NULL,
    "first" INTEGER NOT NULL,
    "last" INTEGER NULL,
    CONSTRAINT "PK_secret_spans" PRIMARY KEY ("digest", "first")
);

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261201030000_SecretSpans', '10.0.15');
