package nodes

// levelWork is the engine level from which kinds charge the work that they do on data besides evaluating expressions. A loop around it would else go on
// for so long without a break that its workflow task is never finished.
const levelWork = 2

// What is done for one unit of evaluation, or costs more than one.
const (
	// parsedPerUnit are bytes of JSON that are read, as fromJSON charges them.
	parsedPerUnit = 2
	// encodedPerUnit are bytes of JSON that are written.
	encodedPerUnit = 16
	// answeredPerUnit are bytes of an answer that are written, more than once.
	answeredPerUnit = 4
	// unitsPerEntry is what an entry of a mapping costs that a loop goes over; a character of a text costs one.
	unitsPerEntry = 4
)

// chargeWork charges units of work, see expression.MaxUnits.
func chargeWork(run Run, units int) {
	if run.Level() >= levelWork {
		run.Scope().Spent += units
	}
}
