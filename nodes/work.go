package nodes

// levelWork is the engine level from which kinds charge the work that they do on data besides evaluating expressions. A
// loop around it would else go on for so long without a break that its workflow task is never finished.
const levelWork = 2

// What such work costs, so that a cold replay of all that an execution may do takes a few seconds on a slow machine. A
// byte of JSON that is read costs one unit.
const (
	// EncodedPerUnit are bytes of JSON that are written for a unit, answeredPerUnit bytes of an answer, which are
	// written more than once.
	EncodedPerUnit  = 8
	answeredPerUnit = 4
	// unitsPerEntry is what an entry of a mapping costs that a loop goes over, unitsPerCharacter one of a text.
	unitsPerEntry     = 10
	unitsPerCharacter = 2
)

// chargeWork charges units of work, see expression.MaxUnits.
func chargeWork(run Run, units int) {
	if run.Level() >= levelWork {
		run.Scope().Spent += units
	}
}
