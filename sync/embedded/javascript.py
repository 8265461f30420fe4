"""Running a design document's JavaScript, bounded in time and memory.

One `Sandbox` per set of functions; it belongs to one thread at a time. Documents cross as JSON text,
many per call. While JavaScript runs the interpreter's lock is free, so a function that never ends
costs its own request and no one else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import quickjs

from sync.embedded.errors import BadRequest, DesignFailure

MEMORY = 256 * 1024 * 1024
STACK = 512 * 1024
SECONDS = 5
"""Processor seconds one call may take; the engine counts those of the whole process."""

ENVIRONMENT = """
"use strict";
globalThis.isArray = Array.isArray;
globalThis.toJSON = function (value) { return JSON.stringify(value); };
globalThis.log = function () {};
globalThis.sum = function (values) {
  var total = 0;
  for (var i = 0; i < values.length; i++) { total += values[i]; }
  return total;
};
"""

# The answer is joined, not added up: the binding cannot read the ropes that adding makes.
MAPPER = """
(function () {
  "use strict";
  var rows = null, parse = JSON.parse, text = JSON.stringify;
  globalThis.emit = function (key, value) {
    rows.push([key === undefined ? null : key, value === undefined ? null : value]);
  };
  return function (functions) {
    return function (batch) {
      var documents = parse(batch), all = ["["];
      for (var d = 0; d < documents.length; d++) {
        all.push(d ? ",[" : "[");
        for (var f = 0; f < functions.length; f++) {
          rows = [];
          try { functions[f](documents[d]); var kept = text(rows); } catch (error) { kept = "[]"; }
          if (f) { all.push(","); }
          all.push(kept);
        }
        all.push("]");
      }
      all.push("]");
      return all.join("");
    };
  };
})()
"""

VALIDATOR = """
(function () {
  "use strict";
  var parse = JSON.parse, text = JSON.stringify;
  return function (functions) {
    var validate = functions[0];
    function judge(pair, user, security) {
      try {
        validate(pair[0], pair[1], user, security);
        return null;
      } catch (error) {
        if (error && typeof error === "object") {
          if (error.forbidden !== undefined) { return ["forbidden", String(error.forbidden)]; }
          if (error.unauthorized !== undefined) { return ["unauthorized", String(error.unauthorized)]; }
          if (error.name) { return ["error", String(error.name), String(error.message)]; }
        }
        return ["error", "unknown_error", typeof error === "string" ? error : String(text(error))];
      }
    }
    return function (batch, context) {
      var shared = parse(context);
      return text(parse(batch).map(function (pair) { return judge(pair, shared[0], shared[1]); }));
    };
  };
})()
"""

Rows = list[tuple[Any, msgspec.Raw]]
_rows_decoder = msgspec.json.Decoder(list[list[Rows]])
_verdicts_decoder = msgspec.json.Decoder(list[list[str] | None])


class CompilationFailure(BadRequest):
    """A function that is no JavaScript, in the engine's words."""


class Sandbox:
    """Functions compiled in an engine of their own; rebuilt after a failure, so that none lingers."""

    def __init__(self, harness: str, sources: Sequence[str]) -> None:
        self._harness = harness
        self._sources = list(sources)
        self._call: Any = None

    def call(self, *arguments: str) -> str:
        """What the harness returns for these texts.

        :raises DesignFailure: no end in time, out of memory, or an error outside the function.
        """
        if self._call is None:
            self._call = _build(self._harness, self._sources)
        try:
            answer = self._call(*arguments)
        except (quickjs.JSException, MemoryError) as failure:
            self._call = None
            raise DesignFailure(_explain(failure)) from None
        if not isinstance(answer, str):
            self._call = None
            raise DesignFailure("The function gave no answer.")
        return answer


class Mapper(Sandbox):
    """The map functions of one design document."""

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__(MAPPER, sources)

    def map(self, documents: bytes) -> list[list[Rows]]:
        """For each document of a JSON array, for each function, its rows; a throw gives none."""
        return _rows_decoder.decode(self.call(documents.decode()))


class Validator(Sandbox):
    """One ``validate_doc_update``."""

    def __init__(self, source: str) -> None:
        super().__init__(VALIDATOR, [source])

    def judge(self, pairs: bytes, context: bytes) -> list[list[str] | None]:
        """For each ``[new, old]`` null or what it threw; ``context`` is ``[userCtx, secObj]``."""
        return _verdicts_decoder.decode(self.call(pairs.decode(), context.decode()))


def check_function(source: str) -> None:
    """:raises CompilationFailure: when the source is not one function."""
    context = _new_context()
    _compile(context, source)


def _new_context() -> Any:
    context = quickjs.Context()
    context.set_memory_limit(MEMORY)
    context.set_max_stack_size(STACK)
    context.set_time_limit(SECONDS)
    return context


def _compile(context: Any, source: str) -> Any:
    try:
        context.eval("globalThis.__function = " + source)
        function = context.eval("typeof __function === 'function' ? __function : null")
    except quickjs.JSException as failure:
        raise CompilationFailure(f"{_explain(failure)} ({source})", "compilation_error") from None
    if function is None:
        reason = f"Expression does not eval to a function. ({source})"
        raise CompilationFailure(reason, "compilation_error")
    return function


def _build(harness: str, sources: Sequence[str]) -> Any:
    context = _new_context()
    context.eval(ENVIRONMENT)
    make = context.eval(harness)
    context.eval("globalThis.__functions = []")
    for source in sources:
        _compile(context, source)
        context.eval("__functions.push(__function)")
    return make(context.eval("__functions"))


def _explain(failure: BaseException) -> str:
    lines = str(failure).splitlines()
    return lines[0] if lines else "The function failed."
