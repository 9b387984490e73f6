-- Versions of policies and provisioning templates, and what else the control plane tells about things, groups and templates.

ALTER TABLE things ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

ALTER TABLE thing_groups ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE thing_groups ADD COLUMN description TEXT NOT NULL DEFAULT '';

CREATE TABLE policy_versions (
    policy      TEXT NOT NULL REFERENCES policies (name) ON DELETE CASCADE,
    version     INTEGER NOT NULL,
    document    TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    PRIMARY KEY (policy, version)
) STRICT, WITHOUT ROWID;

INSERT INTO policy_versions (policy, version, document, created_ms, updated_ms)
    SELECT name, 1, document, created_ms, created_ms FROM policies;

ALTER TABLE policies DROP COLUMN document;
ALTER TABLE policies ADD COLUMN default_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE policies ADD COLUMN last_version INTEGER NOT NULL DEFAULT 1;     -- no id is given twice
ALTER TABLE policies ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
UPDATE policies SET updated_ms = created_ms;

-- Policies with the document that is in force.
CREATE VIEW policies_in_force AS
    SELECT p.name, v.document, p.default_version, p.created_ms, p.updated_ms
    FROM policies AS p JOIN policy_versions AS v ON v.policy = p.name AND v.version = p.default_version;

CREATE TABLE template_versions (
    template    TEXT NOT NULL REFERENCES templates (name) ON DELETE CASCADE,
    version     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    PRIMARY KEY (template, version)
) STRICT, WITHOUT ROWID;

INSERT INTO template_versions (template, version, body, created_ms) SELECT name, 1, body, created_ms FROM templates;

ALTER TABLE templates DROP COLUMN body;
ALTER TABLE templates ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE templates ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE templates ADD COLUMN role_arn TEXT;                              -- as it was given
ALTER TABLE templates ADD COLUMN default_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE templates ADD COLUMN last_version INTEGER NOT NULL DEFAULT 1;    -- no id is given twice
ALTER TABLE templates ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
UPDATE templates SET updated_ms = created_ms;

-- Templates with the body that provisioning goes by.
CREATE VIEW templates_in_force AS
    SELECT t.name, v.body, t.description, t.enabled, t.role_arn, t.default_version, t.created_ms, t.updated_ms
    FROM templates AS t JOIN template_versions AS v ON v.template = t.name AND v.version = t.default_version;
