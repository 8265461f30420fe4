"""Running a design document's JavaScript, bounded in time and memory.

One `Sandbox` per set of functions; it belongs to one thread at a time. Documents cross as JSON text,
many per call. While JavaScript runs the interpreter's lock is free, so a function that never ends
costs its own request and no one else's.

As in CouchDB a map function that throws gives its document no rows, but one that runs out of memory, time or
stack fails the index, lest rows be missing by chance (``handleViewError`` in its share/server/views.js). Half
a surrogate pair, which is no text, becomes U+FFFD, as in its SpiderMonkey.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

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
  function isFatal(error) {  // null is thrown when there is no room for an error
    return error === null || error === "fatal_error" || error && (error[0] === "fatal" ||
      error.name === "InternalError" || error.message === "Maximum call stack size exceeded");
  }
  globalThis.emit = function (key, value) {
    rows.push([key === undefined ? null : key, value === undefined ? null : value]);
  };
  return function (functions) {
    return function (batch) {
      var documents = parse(batch), all = ["{\\"rows\\":["], thrown = [];
      for (var d = 0; d < documents.length; d++) {
        all.push(d ? ",[" : "[");
        for (var f = 0; f < functions.length; f++) {
          rows = [];
          try { functions[f](documents[d]); var kept = text(rows); } catch (error) {
            rows = [];
            kept = "[]";
            var fatal = isFatal(error), end = [f, String(documents[d]._id), "something that is no error"];
            if (fatal || error instanceof Error) { end[2] = String(error).slice(0, 200); }
            if (fatal) { return "{\\"fatal\\":" + text(end) + "}"; }
            thrown.push(end);
          }
          if (f) { all.push(","); }
          all.push(kept);
        }
        all.push("]");
      }
      all.push("],\\"thrown\\":", text(thrown), "}");
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
        if (error === null) { return ["error", "unknown_error", "null"]; }
        if (typeof error === "object") {
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


class Thrown(NamedTuple):
    """What a function threw at a document; ``function`` is its place among those of the mapper."""

    function: int
    document: str
    error: str


class Mapped(msgspec.Struct):
    """For each document, for each function, its rows; and what was thrown instead of some."""

    rows: list[list[Rows]] = []
    thrown: list[Thrown] = []
    fatal: Thrown | None = None


ESCAPED = re.compile(r"\\(?:(ud[89a-f]..)|.)", re.IGNORECASE)
"""One escape of JSON at a time; the engine writes out whole pairs, so what it escapes is half of one."""
_mapped_decoder = msgspec.json.Decoder(Mapped)
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
            raise DesignFailure(explain(str(failure))) from None
        if not isinstance(answer, str):
            self._call = None
            raise DesignFailure("The function gave no answer.")
        return ESCAPED.sub(_mend, answer) if "\\ud" in answer else answer


class Mapper(Sandbox):
    """The map functions of one design document."""

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__(MAPPER, sources)

    def map(self, documents: bytes) -> Mapped:
        """What the functions give for a JSON array of documents.

        :raises DesignFailure: no end in time, out of memory or stack, keys nested too deep.
        """
        answer = self.call(documents.decode())
        try:
            mapped = _mapped_decoder.decode(answer)
        except RecursionError:
            raise DesignFailure("The function gave something that is nested too deep.") from None
        except msgspec.DecodeError:
            self._call = None
            raise DesignFailure("The function gave no rows.") from None
        if mapped.fatal is not None:
            self._call = None
        return mapped


class Validator(Sandbox):
    """One ``validate_doc_update``."""

    def __init__(self, source: str) -> None:
        super().__init__(VALIDATOR, [source])

    def judge(self, pairs: bytes, context: bytes) -> list[list[str] | None]:
        """For each ``[new, old]`` null or what it threw; ``context`` is ``[userCtx, secObj]``."""
        verdicts = _verdicts_decoder.decode(self.call(pairs.decode(), context.decode()))
        for verdict in verdicts:
            if verdict is not None and verdict[0] == "error":
                verdict[2] = explain(verdict[2])
                self._call = None
        return verdicts


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
        raise CompilationFailure(f"{explain(str(failure))} ({source})", "compilation_error") from None
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


MEANINGS = {
    "null": "It threw null, as the engine does when no memory is left.",
    "InternalError: interrupted": f"It did not end within {SECONDS} seconds of processor time.",
    "InternalError: out of memory": f"It needed more than {MEMORY >> 20} MB of memory.",
    "out of memory": f"It needed more than {MEMORY >> 20} MB of memory.",
}


def explain(error: str) -> str:
    """The first line of what the engine says, in words where its own say little."""
    lines = error.encode("utf-8", "replace").decode().splitlines()
    first = lines[0] if lines else "The function failed."
    return MEANINGS.get(first, first)


def _mend(escape: re.Match[str]) -> str:
    return "\ufffd" if escape[1] else escape[0]
