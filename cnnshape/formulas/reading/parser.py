"""Tokens become an expression: precedence, implicit products, rounding brackets, fractions."""

from __future__ import annotations

from collections.abc import Callable

from cnnshape.formulas.expression import Expression, add, multiply, negative, number
from cnnshape.formulas.reading.tokens import Token, refuse
from cnnshape.messages import say

#: Deeper brackets are refused.
DEEPEST = 40
#: Larger exponents are refused: no size formula has them, and they cost.
HIGHEST_POWER = 6

_CLOSES = {"(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉"}
_ROUNDS = {"⌊": "floor", "⌈": "ceil"}


class Parser:
    """Reads one expression from a slice of tokens.

    ``resolve`` turns a name token into an expression, or refuses it.
    """

    def __init__(
        self, text: str, tokens: list[Token], resolve: Callable[[Token], Expression]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.resolve = resolve
        self.index = 0
        self.depth = 0

    def parse(self) -> Expression:
        """The whole slice as one expression.

        Raises:
            FormulaSyntaxError: It is none; the message points at the character.
        """
        expression = self._sum()
        if self._here.kind != "end":
            self._expected(say("an operator"))
        return expression

    @property
    def _here(self) -> Token:
        return self.tokens[self.index]

    def _take(self) -> Token:
        token = self._here
        if token.kind != "end":
            self.index += 1
        return token

    def _is(self, *operators: str) -> bool:
        return self._here.kind == "operator" and self._here.text in operators

    def _expected(self, what: str) -> None:
        token = self._here
        found = say("the end") if token.kind == "end" else repr(self.text[token.start : token.end])
        refuse(
            self.text, token.start, say("expected {what}, found {found}", what=what, found=found)
        )

    def _sum(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            refuse(
                self.text,
                self._here.start,
                say("brackets deeper than {deepest} are not read", deepest=DEEPEST),
            )
        expression = self._product()
        while self._is("+", "-"):
            minus = self._take().text == "-"
            right = self._product()
            expression = add(expression, negative(right) if minus else right)
        self.depth -= 1
        return expression

    def _product(self) -> Expression:
        expression = self._signed()
        divided_at: Token | None = None
        while True:
            if self._is("*", "/", "//", "%"):
                operator = self._take()
                right = self._signed()
                divided_at = None if operator.text == "*" else operator
                expression = _combine(operator.text, expression, right)
            elif self._starts_factor():
                if divided_at is not None:
                    refuse(
                        self.text,
                        divided_at.start,
                        say("a/bc can be read in two ways; write (a/b)c or a/(bc)"),
                    )
                expression = multiply(expression, self._power())
            else:
                return expression

    def _starts_factor(self) -> bool:
        """Whether an implicit product goes on here, as in 2P and D(K − 1)."""
        return self._here.kind in ("name", "open", "frac", "function")

    def _signed(self) -> Expression:
        signs = 0
        while self._is("+", "-"):
            signs += self._take().text == "-"
        operand = self._power()
        return negative(operand) if signs % 2 else operand

    def _power(self) -> Expression:
        base = self._atom()
        if not self._is("^"):
            return base
        at = self._take()
        closing = ""
        if self._here.kind == "open" and self._here.text in "({":
            closing = _CLOSES[self._take().text]
        exponent = self._take()
        if exponent.kind != "number" or not exponent.text.isdigit():
            refuse(self.text, exponent.start, say("an exponent must be a whole number"))
        if closing:
            self._close(closing, at)
        if int(exponent.text) > HIGHEST_POWER:
            refuse(
                self.text,
                exponent.start,
                say("exponents beyond {highest_power} are not read", highest_power=HIGHEST_POWER),
            )
        if self._is("^"):
            refuse(self.text, self._here.start, say("a power of a power is not read"))
        return Expression("power", (base, number(int(exponent.text))))

    def _atom(self) -> Expression:
        token = self._here
        match token.kind:
            case "number":
                self._take()
                return _number(token.text)
            case "name":
                self._take()
                self._skip_index()
                return self.resolve(token)
            case "open":
                return self._bracketed()
            case "frac":
                self._take()
                above = self._fraction_part()
                return above / self._fraction_part()
            case "function":
                return self._function()
            case _:
                self._expected(say('a number, a name or "("'))
                raise AssertionError

    def _skip_index(self) -> None:
        """``padding[0]`` is the padding."""
        following = self.tokens[self.index : self.index + 3]
        if [token.text for token in following[::2]] == ["[", "]"] and following[1].text.isdigit():
            self.index += 3

    def _bracketed(self) -> Expression:
        opening = self._take()
        inside = self._sum()
        self._close(_CLOSES[opening.text], opening)
        rounding = _ROUNDS.get(opening.text)
        return Expression(rounding, (inside,)) if rounding else inside

    def _close(self, closing: str, opening: Token) -> None:
        if self._here.kind == "close" and self._here.text == closing:
            self._take()
        elif self._here.kind == "end":
            refuse(
                self.text,
                opening.start,
                say("this bracket is never closed by {closing}", closing=repr(closing)),
            )
        else:
            self._expected(say("{bracket} or an operator", bracket=repr(closing)))

    def _fraction_part(self) -> Expression:
        r"""A group in braces, or one character as in \frac12."""
        if self._here.kind == "open" and self._here.text == "{":
            return self._bracketed()
        token = self._here
        if token.kind in ("number", "name") and len(token.text) > 1 and token.text.isalnum():
            # The rest stays for what follows.
            one = Token(token.kind, token.text[0], token.start, token.start + 1)
            rest = Token(token.kind, token.text[1:], token.start + 1, token.end)
            self.tokens[self.index : self.index + 1] = [one, rest]
        return self._atom()

    def _function(self) -> Expression:
        name = self._take()
        if self._here.kind != "open" or self._here.text not in "([{":
            self._expected(say('"(" after {name}', name=name.text))
        opening = self._take()
        operands = [self._sum()]
        while self._here.kind == "comma" and self._here.text == ",":
            self._take()
            operands.append(self._sum())
        self._close(_CLOSES[opening.text], opening)
        least = 2 if name.text in ("min", "max") else 1
        if len(operands) < least or (least == 1 and len(operands) > 1):
            refuse(
                self.text,
                name.start,
                say(
                    "{text} takes {one}, not {operands}",
                    text=name.text,
                    one=say("one argument") if least == 1 else say("two arguments or more"),
                    operands=len(operands),
                ),
            )
        return Expression(name.text, tuple(operands))


def _combine(operator: str, left: Expression, right: Expression) -> Expression:
    if operator == "*":
        return multiply(left, right)
    if operator == "%":
        # Python's remainder, which has the sign of the divisor.
        return add(left, negative(multiply(right, left // right)))
    return left // right if operator == "//" else left / right


def _number(text: str) -> Expression:
    """An exact number: 0.5 is the fraction 1/2."""
    if "." not in text:
        return number(int(text))
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0")
    if not digits:
        return number(int(whole or 0))
    above, below = int((whole or "0") + digits), 10 ** len(digits)
    while above % 2 == 0 and below % 2 == 0:
        above, below = above // 2, below // 2
    while above % 5 == 0 and below % 5 == 0:
        above, below = above // 5, below // 5
    return number(above) / number(below)
