-- Whether a JSON value differs from another only in texts that were sealed.
CREATE FUNCTION daybook_is_sealed_copy(plain jsonb, sealed jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    form CONSTANT text := '^daybook:1:[0-9a-f]{32}:[A-Za-z0-9_-]+$';
BEGIN
    IF plain = sealed THEN
        RETURN true;
    ELSIF jsonb_typeof(plain) <> jsonb_typeof(sealed) THEN
        RETURN false;
    ELSIF jsonb_typeof(plain) = 'string' THEN
        RETURN sealed #>> '{}' ~ form AND plain #>> '{}' !~ form;
    ELSIF jsonb_typeof(plain) = 'object' THEN
        RETURN NOT EXISTS (
            SELECT FROM jsonb_each(plain) AS p(key, value) FULL JOIN jsonb_each(sealed) AS s(key, value) USING (key)
            WHERE p.value IS NULL OR s.value IS NULL OR NOT daybook_is_sealed_copy(p.value, s.value));
    ELSIF jsonb_typeof(plain) = 'array' THEN
        RETURN jsonb_array_length(plain) = jsonb_array_length(sealed) AND NOT EXISTS (
            SELECT FROM generate_series(0, jsonb_array_length(plain) - 1) AS n
            WHERE NOT daybook_is_sealed_copy(plain -> n, sealed -> n));
    END IF;
    RETURN false;
END $$;

-- Revisions stay history. The one change they take, from who says so: secrets that were plain text are sealed.
CREATE FUNCTION daybook_keep_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('daybook.sealing', true) = 'on'
        AND to_jsonb(NEW) - 'definition' = to_jsonb(OLD) - 'definition'
        AND NEW.definition - 'parameters' = OLD.definition - 'parameters'
        AND daybook_is_sealed_copy(OLD.definition -> 'parameters', NEW.definition -> 'parameters')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER job_revisions_are_append_only ON job_revisions;
CREATE TRIGGER job_revisions_are_append_only BEFORE UPDATE OR DELETE ON job_revisions
    FOR EACH ROW EXECUTE FUNCTION daybook_keep_revision();
