"""Text that is in no language, made from text: what the class `zxx` of a classifier is trained on.

Four kinds: numbers, program code with markup and logs, mojibake (text read in a wrong encoding), and lists of keywords.
The same text and the same source of chance give the same noise. Words in code and keywords are those of the text, so
that the classifier learns their arrangement and not the words.

`zxx` is ISO 639-2's code for "no linguistic content"; OpenLID-v3 has such a class, too.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

# (what the text was written in, what it was read as): what servers and databases get wrong.
_ENCODINGS = tuple(
    (written, read)
    for written, misread in {
        "utf-8": "cp1252 latin-1 cp1250 cp1251 cp1254 cp1256 koi8-r cp437 mac_roman gb18030 big5 shift_jis euc_kr",
        "cp1250": "cp1252 cp1251 cp437",
        "cp1251": "cp1252 latin-1 koi8-r",
        "cp1252": "cp1251 koi8-r cp437",
        "cp1253": "cp1252 cp1251",
        "cp1254": "cp1251",
        "cp1255": "cp1252 cp1251",
        "cp1256": "cp1252 latin-1 cp1251",
        "cp1257": "cp1251",
        "cp1258": "cp1251",
        "cp874": "cp1252 latin-1",
        "cp866": "cp1251 cp1252",
        "koi8-r": "cp1251 latin-1",
        "gb18030": "cp1252 latin-1 big5 shift_jis",
        "big5": "cp1252 latin-1 gb18030",
        "shift_jis": "cp1252 latin-1 gb18030",
        "euc_jp": "latin-1 gb18030 shift_jis",
        "euc_kr": "cp1252 latin-1 gb18030",
    }.items()
    for read in misread.split()
)
_LEAST_WRONG = 0.3  # share of the characters; what has fewer can still be read, and is text
_MOST_LOST = 0.1  # share of the characters that the encoding does not have
_ATTEMPTS = 8
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# %i an identifier, %e an expression, %n a number, %h hexadecimal digits.
_CODE = """
function %i(%i, %i) { var %i = %e; if (!%i) { return %e; } }
const %i = (%i) => %e;
$("#%i").%i(function(){ %i.%i(%e); });
document.getElementById("%i").%i = %e;
var %i = { %i: %e, %i: "%i" };
def %i(self, %i): return %e
for %i in range(%n): %i.append(%e)
from %i import %i, %i
if %e: raise ValueError(%i)
print([%i for %i in %e])
for (int i = %n; i < %i; ++i) { %i[i] += %e; }
#include <%i.h>
static int %i(const char *%i, size_t %i) { return %e; }
std::vector<%i> %i = %e;
if (%e) { %i = %e; } else { return %n; }
public class %i extends %i { private final %i %i = new %i(%e); }
public static void %i(String[] %i) throws %iException { %e; }
System.out.println(%e);
import java.%i.%i;
SELECT %i, %i FROM %i WHERE %i = %n ORDER BY %i DESC;
INSERT INTO %i (%i, %i) VALUES (%n, "%i");
CREATE TABLE %i (%i INT NOT NULL, %i VARCHAR(%n));
<?php if (isset($_GET["%i"])) { $%i = %i($%i); } echo $%i; ?>
$%i = array("%i" => $%i, "%i" => %n);
.%i %i:hover{color:#%h;margin:%npx %npx;background:url(%i.png) no-repeat}
#%i > .%i { width: %npx; display: none; font-size: %nem; }
@media (max-width: %npx) { .%i { float: left } }
<div class="%i %i" id="%i"><a href="/%i/%i.html">%i</a></div>
<%i %i="%i">%n</%i>
<img src="%i.jpg" width="%n" height="%n" alt=""/>
&lt;%i&gt;&nbsp;&amp;%i
{"%i": %n, "%i": ["%i", "%i"], "%i": true}
%i: %n %i: - %i - %i
$ sudo apt-get install %i-%i --%i=%n
git clone https://%i.com/%i/%i && cd %i
export %i=/%i/%i:$%i
/%i/%i/%i.conf
20%n-0%n-1%n %n:%n:%n ERROR [%i] %i.%i: %i=%n
Warning: %i_%i(): Access denied in /var/www/%i/%i.php on line %n
File "/%i/%i.py", line %n, in %i
at %i.%i.%i(%i.java:%n)
http://www.%i.com/%i/%i?%i=%n&%i=%i
0x%h%h %h
func %i(%i string) error { return %e }
let mut %i: Vec<%i> = %e;
\\%i{%i}[%n]
// %h%h
""".strip().splitlines()
_CODE_WORDS = """
get set is on data item list user name value id key index count size node text event handler table row col page url
path file str num tmp result error msg type class style main init load save update delete create find add remove start
stop len max min sum new old src dst buf ptr obj arr map config option param arg query form input button link menu image
color width height top left content header footer body title date time cache session token auth login admin test debug
log info warn
""".split()
_OPERATORS = "+ - * / % == != < > <= >= && ||".split()
_IN_CODE = re.compile("%[ienh]")
_LATIN_WORD = re.compile(r"\b[a-z]{3,9}\b")

_LIST_SEPARATORS = (", ", ", ", ",", "; ", " | ", " / ", " · ", " - ", " #")
_NUMBER_SEPARATORS = (" ", " ", " ", "\t", ", ", "; ", " | ", " / ")
_PUNCTUATION = ".,;:!?\"'()[]{}«»“”。、，！？"


def noise(texts: Sequence[str], chance: Random) -> str:
    """Return a piece of noise of any kind, made from texts of one language, each a paragraph or more."""
    text = chance.choice(texts)
    (kind,) = chance.choices(("numbers", "code", "mojibake", "keywords"), (15, 25, 35, 25))
    if kind == "mojibake" and (wrong := mojibake(text, chance)):
        return wrong
    if kind == "keywords" and (words := keywords(text, chance)):
        return words
    return numbers(chance) if kind == "numbers" else code(text, chance)


def numbers(chance: Random) -> str:
    """Return numbers, dates, times, addresses: all of one form or of several, as in a table."""
    forms = [chance.choice(_NUMBER_FORMS)] if chance.random() < 0.5 else _NUMBER_FORMS
    count = 5 + int(chance.random() * 40)
    return chance.choice(_NUMBER_SEPARATORS).join(chance.choice(forms)(chance) for _ in range(count))


def _date(chance: Random) -> str:
    parts = f"{chance.randint(1, 31):02d}", f"{chance.randint(1, 12):02d}", str(chance.randint(1950, 2035))
    return chance.choice("./-").join(parts if chance.random() < 0.7 else reversed(parts))


_NUMBER_FORMS: tuple[Callable[[Random], str], ...] = (
    lambda chance: str(int(10 ** (chance.random() * 7))),
    lambda chance: f"{chance.random() * 1000:.{chance.randrange(4)}f}",
    lambda chance: f"{int(10 ** (chance.random() * 9)):,}",
    lambda chance: f"{int(10 ** (chance.random() * 9)):,}".replace(",", "."),
    _date,
    lambda chance: f"{chance.randrange(24):02d}:{chance.randrange(60):02d}",
    lambda chance: f"{chance.random() * 100:.1f}%",
    lambda chance: chance.choice("$€£¥₹") + f"{chance.random() * 1000:.2f}",
    lambda chance: f"+{chance.randrange(99)} {chance.randrange(1000):03d} {chance.randrange(10**7):07d}",
    lambda chance: ".".join(str(chance.randrange(256)) for _ in range(4)),
    lambda chance: f"{chance.getrandbits(32):08x}",
    lambda chance: f"({chance.randrange(100)})",
    lambda chance: f"{chance.randrange(40)}x{chance.randrange(40)}",
    lambda chance: f"-{chance.random() * 10:.2f}",
)


def code(text: str, chance: Random) -> str:
    """Return statements of programming languages, markup, logs or paths; some names in it are words of the text."""
    words = _LATIN_WORD.findall(text) or _CODE_WORDS
    fill = _Fill(words, chance)
    templates = chance.sample(_CODE, chance.choice((1, 1, 1, 2, 3, 4)))
    wanted = 60 + chance.random() * 300
    parts: list[str] = []
    while sum(map(len, parts)) < wanted:
        parts.append(_IN_CODE.sub(fill, chance.choice(templates)))
    return chance.choice((" ", " ", " ", " ", "")).join(parts)


class _Fill:
    """Replaces the places of a line of code."""

    def __init__(self, words: Sequence[str], chance: Random) -> None:
        self._words, self._chance = words, chance

    def __call__(self, place: re.Match[str]) -> str:
        match place[0]:
            case "%i":
                return self._identifier()
            case "%e":
                return self._expression(0)
            case "%n":
                return str(self._chance.randrange(500))
            case _:
                return f"{self._chance.getrandbits(24):06x}"

    def _identifier(self) -> str:
        chance = self._chance
        count = chance.choice((1, 1, 2, 2, 3))
        words = [chance.choice(self._words if chance.random() < 0.2 else _CODE_WORDS) for _ in range(count)]
        form = chance.random()
        if form < 0.5:
            return words[0] + "".join(word.capitalize() for word in words[1:])
        return "_".join(words) if form < 0.8 else "".join(word.capitalize() for word in words)

    def _expression(self, depth: int) -> str:
        chance, inner = self._chance, depth + 1
        form = chance.random() if depth < 3 else 0
        if form < 0.35:
            return self._identifier()
        if form < 0.55:
            return str(chance.randrange(1000)) if form < 0.45 else f'"{self._identifier()}"'
        if form < 0.7:
            arguments = ", ".join(self._expression(inner) for _ in range(chance.randrange(3)))
            return f"{self._identifier()}({arguments})"
        if form < 0.9:
            index = self._expression(inner)
            return f"{self._identifier()}.{index}" if form < 0.8 else f"{self._identifier()}[{index}]"
        return f"{self._expression(inner)} {chance.choice(_OPERATORS)} {self._expression(inner)}"


def mojibake(text: str, chance: Random) -> str | None:
    """Return a text read in a wrong encoding; None where no attempt left it unreadable, as of plain ASCII."""
    for written, read in (chance.choice(_ENCODINGS) for _ in range(_ATTEMPTS)):
        stored = text.encode(written, "ignore")
        if len(stored.decode(written, "ignore")) < (1 - _MOST_LOST) * len(text):
            continue
        wrong = stored.decode(read, chance.choice(("replace", "ignore")))
        if chance.random() < 0.1:  # once more, as happens to databases
            wrong = wrong.encode("utf-8").decode("cp1252", "ignore")
        if chance.random() < 0.5:
            wrong = _CONTROLS.sub("", wrong)
        right, shown = set(text), [character for character in wrong if not character.isspace()]
        if sum(character not in right for character in shown) > _LEAST_WRONG * len(shown):
            return wrong
    return None


def keywords(text: str, chance: Random) -> str | None:
    """Return words of a text without order, between commas or the like; None where it has too few words."""
    words = [word for word in (word.strip(_PUNCTUATION) for word in text.split()) if word]
    if len(words) < 8:
        return None
    if chance.random() < 0.3:
        words = chance.sample(words, max(4, len(words) // 6))
    return chance.choice(_LIST_SEPARATORS).join(chance.choice(words) for _ in range(12 + int(chance.random() * 45)))
