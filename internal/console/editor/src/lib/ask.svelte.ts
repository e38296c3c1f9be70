import type { Problem } from './types'

/** question is what a person is asked now, before something breaks. */
export const question = $state<{ open?: { title: string; broke: Problem[]; act: string; answer: (yes: boolean) => void } }>({})

export const ask = (title: string, broke: Problem[], act: string): Promise<boolean> =>
  new Promise((resolve) => {
    question.open = {
      title, broke, act,
      answer: (yes) => {
        question.open = undefined
        resolve(yes)
      },
    }
  })
