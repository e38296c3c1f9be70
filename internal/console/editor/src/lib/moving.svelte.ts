/** asking is the step for which a person chooses where it moves to; empty: none. */
export const asking = $state({ key: '' })
