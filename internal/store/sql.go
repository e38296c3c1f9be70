package store

// Statements on flows and payloads.
const (
	countRevision  = `UPDATE revision SET value = value + 1`
	selectRevision = `SELECT value FROM revision`

	flowColumns = `f.key, f.token, f.secret, f.enabled, f.latest, f.source, f.updated_at, f.labels, f.managed, f.revision,
		f.old_token, f.old_until, f.paused, v.title, v.mode`
	// Title and mode are those of the enabled version, or of the latest if none is enabled.
	selectFlows = `SELECT ` + flowColumns + ` FROM flows f JOIN versions v ON v.flow = f.key
		AND v.number = CASE f.enabled WHEN 0 THEN f.latest ELSE f.enabled END`
	selectAllFlows = selectFlows + ` ORDER BY f.key`
	selectFlow     = selectFlows + ` WHERE f.key = ?`
	selectEnabled  = `SELECT ` + flowColumns + `, v.number, v.hash, v.definition
		FROM flows f JOIN versions v ON v.flow = f.key AND v.number = f.enabled ORDER BY f.key`
	selectTokenOwner = `SELECT key FROM flows WHERE (token = ? OR old_token = ? AND old_until > ?) AND key <> ?`
	insertFlow       = `INSERT INTO flows (token, enabled, latest, source, updated_at, labels, managed, revision, old_token,
		old_until, paused, secret, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateFlow = `UPDATE flows SET token = ?, enabled = ?, latest = ?, source = ?, updated_at = ?, labels = ?, managed = ?,
		revision = ?, old_token = ?, old_until = ?, paused = ? WHERE key = ?`
	deleteFlow = `DELETE FROM flows WHERE key = ?`

	selectVersion  = `SELECT number, hash, definition FROM versions WHERE flow = ? AND number = ?`
	selectText     = `SELECT text FROM versions WHERE flow = ? AND number = ?`
	selectByHash   = `SELECT number FROM versions WHERE flow = ? AND hash = ? ORDER BY number DESC LIMIT 1`
	selectByText   = `SELECT number FROM versions WHERE flow = ? AND hash = ? AND text_hash = ?`
	updateText     = `UPDATE versions SET text = ?, text_hash = ? WHERE flow = ? AND number = ?`
	selectVersions = `SELECT number, hash, title, mode, source, created_at, author, note FROM versions WHERE flow = ?
		ORDER BY number DESC`
	insertVersion = `INSERT INTO versions (flow, number, hash, title, mode, definition, source, created_at, text, text_hash,
		author, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	insertPayloadOwner = `INSERT INTO payload_owners (namespace, owner, workflow, root) VALUES (?, ?, ?, '')
		ON CONFLICT (namespace, owner) DO UPDATE SET workflow = excluded.workflow`
	lockPayloadOwner = `SELECT owner FROM payload_owners WHERE namespace = ? AND owner = ?`
	insertPayload    = `INSERT INTO payloads (namespace, owner, name, data) VALUES (?, ?, ?, ?)
		ON CONFLICT (namespace, owner, name) DO UPDATE SET data = excluded.data`
	selectPayloadSize = `SELECT length(data) FROM payloads WHERE namespace = ? AND owner = ? AND name = ?`
	selectPayload     = `SELECT data FROM payloads WHERE namespace = ? AND owner = ? AND name = ?
		AND length(data) <= ?`
	selectPayloadOwners = `SELECT owner FROM payload_owners WHERE namespace = ? AND owner > ?
		ORDER BY owner LIMIT ?`
	selectPayloadOwner = `SELECT workflow, root FROM payload_owners WHERE namespace = ? AND owner = ?`
	updatePayloadRoot  = `UPDATE payload_owners SET root = ? WHERE namespace = ? AND owner = ?`
	selectPayloadNames = `SELECT name FROM payloads WHERE namespace = ? AND owner = ? ORDER BY name`
	deletePayload      = `DELETE FROM payloads WHERE namespace = ? AND owner = ? AND name = ?`
	deletePayloadOwner = `DELETE FROM payload_owners AS o WHERE namespace = ? AND owner = ?
		AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.namespace = o.namespace AND p.owner = o.owner)`
)
