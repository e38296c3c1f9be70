package kind

type Run interface{ Scope() map[string]any }

type LoopingRun interface{ Run }

type Validation struct{}
