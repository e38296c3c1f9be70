-- A version also has the text as it was written, with its hash: two texts of one definition are two versions.
ALTER TABLE versions ADD COLUMN text TEXT NOT NULL DEFAULT ''; -- empty: not known
ALTER TABLE versions ADD COLUMN text_hash TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE versions DROP CONSTRAINT versions_flow_hash_key;
ALTER TABLE versions ADD UNIQUE (flow, hash, text_hash);

-- A text that was not known may become known.
DROP TRIGGER versions_never_change ON versions;
CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions FOR EACH ROW
    WHEN (OLD.text <> '' OR (OLD.flow, OLD.number, OLD.hash, OLD.title, OLD.mode, OLD.definition, OLD.source,
        OLD.created_at, OLD.author, OLD.note) IS DISTINCT FROM (NEW.flow, NEW.number, NEW.hash, NEW.title, NEW.mode,
        NEW.definition, NEW.source, NEW.created_at, NEW.author, NEW.note))
    EXECUTE FUNCTION versions_never_change();

CREATE FUNCTION audit_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail never changes';
END $$;
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_never_changes();
