// Limits of the thread that runs Lean. Its C stack (environment.js) is larger than V8's, so that a
// deep recursion ends in V8's RangeError and never in overwritten memory.
'use strict';

module.exports = { THREAD_LIMITS: { stackSizeMb: 200, maxOldGenerationSizeMb: 1024 } };
