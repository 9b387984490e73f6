-- Certificates that the CA here has not issued and that were registered.

ALTER TABLE certificates ADD COLUMN is_foreign INTEGER NOT NULL DEFAULT 0;

CREATE INDEX certificates_foreign ON certificates (id) WHERE is_foreign;
