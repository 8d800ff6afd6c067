// Why an instance ended: one of the protocol's causes of death, and a text.
'use strict';

// `error`: what was thrown, null if nothing; `panic`: Lean's line about it, or ''.
function death(error, lean, panic) {
  const thrown = error === null ? '' : lean ? lean.describe(error) : String(error);
  const text = [panic, thrown].filter(Boolean).join('; ');
  if (/out of memory|bad_alloc/i.test(text)) return { cause: 'out_of_memory', text };
  if (panic) return { cause: 'panic', text };
  if (/Maximum call stack size exceeded/.test(text)) return { cause: 'stack_overflow', text };
  if (/ExitStatus|terminated with exit/.test(text)) return { cause: 'exit', text };
  return { cause: 'trap', text };
}

module.exports = { death };
