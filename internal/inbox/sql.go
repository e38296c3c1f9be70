package inbox

// Statements of both engines. PostgreSQL gets its own numbering of parameters, see numbered.
const (
	rowColumns = `id, flow, version, hash, run, delivery, received_at, trace, bytes`

	insertRow = `INSERT INTO inbox (flow, version, hash, run, delivery, claimed, received_at, trace, bytes, input)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	deleteRow       = `DELETE FROM inbox WHERE id = ?`
	selectInput     = `SELECT input FROM inbox WHERE id = ?`
	selectDeadInput = `SELECT input FROM dead WHERE id = ?`
	selectRun       = `SELECT ` + rowColumns + `, 0, '' FROM inbox
		WHERE run = ? ORDER BY id LIMIT 100`
	selectDeadRun = `SELECT ` + rowColumns + `, dead_at, reason FROM dead
		WHERE run = ? ORDER BY id LIMIT 1`
	selectLoads  = `SELECT flow, CAST(count(*) AS INTEGER), CAST(sum(bytes) AS INTEGER) FROM inbox GROUP BY flow`
	selectOldest = `SELECT received_at FROM inbox ORDER BY id LIMIT 1`
	countDead    = `SELECT CAST(count(*) AS INTEGER) FROM dead`

	selectRows    = `SELECT ` + rowColumns + `, 0, '' FROM inbox WHERE id > ? ORDER BY id LIMIT ?`
	selectRowsOf  = `SELECT ` + rowColumns + `, 0, '' FROM inbox WHERE flow = ? AND id > ? ORDER BY id LIMIT ?`
	selectRowByID = `SELECT ` + rowColumns + `, 0, '' FROM inbox WHERE id = ?`
	selectDead    = `SELECT ` + rowColumns + `, dead_at, reason FROM dead WHERE id > ? ORDER BY id LIMIT ?`
	selectDeadOf  = `SELECT ` + rowColumns + `, dead_at, reason FROM dead
		WHERE flow = ? AND id > ? ORDER BY id LIMIT ?`
	selectDeadByID = `SELECT ` + rowColumns + `, dead_at, reason FROM dead WHERE id = ?`

	allColumns = `flow, version, hash, run, delivery, claimed, received_at, trace, bytes, input`
	buryRow    = `INSERT INTO dead (id, ` + allColumns + `, dead_at, reason)
		SELECT id, ` + allColumns + `, ?, ? FROM inbox WHERE id = ?`
	reviveRow = `INSERT INTO inbox (` + allColumns + `) SELECT ` + allColumns + ` FROM dead WHERE id = ?
		RETURNING ` + rowColumns + `, 0, ''`
	deleteDead = `DELETE FROM dead WHERE id = ?`

	selectClaim = `SELECT delivery, digest, state, expires FROM claims WHERE run = ?`
	insertClaim = `INSERT INTO claims (run, delivery, digest, state, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (run) DO NOTHING`
	updateClaim = `UPDATE claims SET delivery = ?, digest = ?, state = ?, expires = ? WHERE run = ?`
	// A claim that waits belongs to another delivery, which came meanwhile.
	settleClaim  = `UPDATE claims SET delivery = ?, digest = ?, state = 3, expires = ? WHERE run = ? AND state <> 2`
	finishClaim  = `UPDATE claims SET state = 3, expires = ? WHERE run = ? AND delivery = ?`
	forgetClaim  = `DELETE FROM claims WHERE run = ? AND delivery = ?`
	expireClaims = `DELETE FROM claims WHERE run IN
		(SELECT run FROM claims WHERE expires < ? AND state <> 2 ORDER BY expires LIMIT ?)`
)

// inputQuery reads the input of a row.
func inputQuery(row Row) string {
	if row.DeadAt.IsZero() {
		return selectInput
	}
	return selectDeadInput
}
