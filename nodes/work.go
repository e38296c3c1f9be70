package nodes

// The cost of work on data besides the evaluation of expressions. A loop that did such work free of charge would run
// for so long without a break that its workflow task never finishes. At these prices, a cold replay of everything that
// one execution may do takes a few seconds on a slow machine. Reading a byte of JSON costs one unit.
const (
	// answeredPerUnit is the number of bytes of an answer for one unit: they are written more than once.
	answeredPerUnit = 4
	// unitsPerEntry is what an entry of a mapping costs that a loop goes over, unitsPerCharacter one of a text.
	unitsPerEntry     = 10
	unitsPerCharacter = 2
)
