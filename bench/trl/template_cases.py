"""Templates with their variables, for check_templates.py: expressions of every kind, white space, statements, and random ones."""

import random

VARIABLES = {
    "s": " Ab c ", "e": "", "n": None, "t": True, "f": False, "i": 7, "z": 0, "x": 2.5, "big": 12345678901234567890123,
    "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "ll": [[1, 2], [3]], "d": {"b": 1, "a": "x", "C": [1, 2]},
    "p": [{"k": "u", "v": 1}, {"k": "U", "v": 3}, {"k": "a", "v": 2, "items": 9}], "u": "é 😀 ß ǆ İ", "q": "it's \"q\"",
    "lines": "a\n\n  b\r\nc", "keys": {"items": 1, "keys": 2, "get": 3}, "null": {"x": None}, "m": "a<b>&c",
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
2 ** 3 ** 2
-2 ** 2
7 // 2, -7 // 2, 7 // -2, 7.5 // 2, -7.5 // 2, 0.0 // -3
7 % 3, -7 % 3, 7 % -3, 7.5 % 2, -7.5 % 2, 7.5 % -2, -0.0 % 3
9223372036854775807 + 1, -9223372036854775808 - 1, 9223372036854775807 * 9223372036854775807
4611686018427387904 * 2, 3037000500 * 3037000500, -(-9223372036854775807 - 1)
2 ** 64, 2 ** 100, (-3) ** 41, 2 ** -1, 0 ** 0, 10 ** 25 // 7, 10 ** 25 % 7, -(10 ** 25) // 7, -(10 ** 25) % 7
10 ** 25 / 10 ** 24, 1 / 3, 10 ** 400 / 10 ** 399
10 ** 400 / 3
1.5 ** 2, 2 ** 0.5, 4 ** 0.5, 1e308 * 10, -1e308 * 10
1e308 ** 2
1 / 0
1 // 0
1 % 0
1.0 / 0
big, big + 1, big - big, big * big, big // 7, big % 1000, big / 7, -big, big > i, big == big + 0, big|abs
big|string|length, big|int, big|float, (big|float)|int, (10 ** 20)|tojson, [2 ** 70]|tojson, [2 ** 70]
1_000, 0x1F, 0b101, 0o17, 1e3, 1.5e-3, 1_0.5_0
1 == 1.0, 1 == true, 0 == false, "1" == 1, none == none, [1, 2] == [1, 2], (1, 2) == [1, 2], {"a": 1} == {"a": 1.0}
2 ** 53 == 2.0 ** 53, 2 ** 53 + 1 == 2.0 ** 53, 9007199254740993 > 9007199254740992.0
1 < 2 < 3, 1 < 2 > 3, 1 < 3 == true, "a" < "b" <= "b", [1, 2] < [1, 3], (1,) < (1, 2), [] < [0]
1 < "a"
none < 1
[1] < (1,)
true + true, true * 3, -true, +true, not 3, not "", not none, true / 2
"a" * 3, 3 * "a", [1] * 2, "a" * -1, "ab" * 0, (1, 2) * 2
"a" * 2.0
"a" + 1
[1] + (2,)
[1] + [2], (1,) + (2,), "a" + "b"
"a" "b" 'c'
"a" ~ 1 ~ none ~ true ~ 1.0 ~ zz
zz
zz.a
zz + 1
1 + zz
zz == zz, zz == none, zz == "", zz != 1
zz < 1
zz()
zz[0]
-zz
zz|length, zz|list, zz|join, zz|upper, zz|default("d"), zz|string, zz|trim, zz|sum, zz|sort, zz|first is defined
zz|tojson
zz|int
zz|float
zz|abs
zz|dictsort
zz|items|list, zz|map("upper")|list, zz|select|list, zz|unique|list, zz|max is defined, zz|reverse|list
zz in [1], 1 in zz, "a" in zz
zz in "abc"
1 in 5
1 in none
1 in "abc"
"a" in s, "b" in s, "" in s, "b" not in s, 3 in l, 3.0 in l, true in l, "b" in d, 1 in d
not "A" in s, not s is defined, (not i) == false, not i == 7
n and 1, t and 1, n or 2, t or 2, e or n or 3, t and not n, 0 or "" or []
1 if t else 2, 1 if n else 2, (1 if n) is defined, "a" if t if n else "b"
s.strip(), s.lstrip(), s.rstrip(), s.upper(), s.lower(), s.title(), s.capitalize(), s.swapcase(), s.split(), s.strip(" A")
"a,b,,c".split(","), "a,b,,c".split(",", 1), "a,b,,c".rsplit(",", 1), " a  b ".split(none, 1), " a  b c ".rsplit(none, 1), "".split(), "".split(",")
"a b c".split(maxsplit=1), "aXbXc".split("X"), "aXXbXX".rsplit("XX"), "a b ".split(" ")
"abc".split("")
lines.splitlines(), lines.splitlines(true), "".splitlines(), "a\n".splitlines(), "a\x0bb\x1cc\u2028d".splitlines()
"abcabc".find("c"), "abcabc".find("c", 3), "abcabc".find("z"), "abcabc".rfind("c"), "abc".find(""), "abc".index("b"), "abcabc".count("bc"), "aaa".count("aa"), "abc".count(""), u.find("😀"), u.find("ß"), u.rfind("ß")
"abc".index("z")
"abc".replace("b", "xx"), "aaa".replace("a", "b", 2), "abc".replace("", "-"), "abc".replace("", "-", 2), "abc".replace("z", "y"), "aaa".replace("a", "", -1), u.replace("", "|")
"abc".startswith("a"), "abc".startswith(("x", "ab")), "abc".endswith("bc"), "abc".startswith("b", 1), "abc".endswith("b", 0, 2), "abc".startswith("")
"abc".startswith(["a"])
"abc".removeprefix("ab"), "abc".removesuffix("bc"), "abc".removeprefix("x")
"12".isdigit(), "1a".isdigit(), "".isdigit(), "ab".isalpha(), "a1".isalnum(), " ".isspace(), "AB".isupper(), "aB".islower(), "1A".isupper(), "Ab Cd".isupper()
"a".center(5), "ab".center(5), "abc".center(6, "*"), "ab".center(7, "*"), "a".ljust(4, "."), "a".rjust(4), "a".center(0), "7".zfill(3), "-7".zfill(4), "+7".zfill(1)
"a".center(5, "ab")
"a-b-c".partition("-"), "a-b-c".rpartition("-"), "abc".partition("-"), "abc".rpartition("-")
"a\tb\tcc".expandtabs(4), "a\tb".expandtabs()
"-".join(["a", "b"]), "".join("abc"), "-".join([]), ", ".join(d), "-".join(w|map("upper"))
"-".join([1])
"{} {}".format(1, "a"), "{1}{0}".format("a", "b"), "{a:>5}|{b:<5}|{c:^5}".format(a=1, b=2, c="x"), "{:.2f} {:05d} {:,} {:x} {!r}".format(2.345, 42, 1234567, 255, "q")
"{}".format()
"{0.k} {1[0]}".format(p[0], l), "{{}}".format(), "{:>{}}".format("a", 5), "{:+d} {:e} {:g} {:%}".format(3, 12345.678, 0.0001, 0.25)
"%s %d %5.2f %05d %x %-5s| %r %%" % ("a", 3, 2.345, 42, 255, "q", "it's")
"%s" % "a", "%s" % 1, "%s" % none, "%d" % 3.9, "%(a)s" % {"a": 1}, "%s" % [1], "%.3s" % "abcdef", "%5s|%-5s|" % ("a", "b"), "%+d % d" % (1, 2), "%e %g %G" % (12345.678, 0.00001, 1e20), "%c%c" % ("a", 98), "%o %X %#x" % (8, 255, 255)
"%d" % "a"
"%s %s" % "a"
"%s" % ("a", "b")
"%z" % 1
"%s-%s"|format("a", 1), "%(a)s"|format(a=2)
l[0], l[-1], l[5] is defined, l[1:], l[:-1], l[::-1], l[::2], l[5:], l[-2:], l[2:0:-1], l[:], l[0:2:1]
l[::0]
s[0], s[-1], s[1:3], s[::-1], s[::2], s[10] is defined, u[2], u[-1], u[::-1], u|length, u[2:4]
(1, 2, 3)[1:], (1, 2)[0], range(5)[1:3], range(10)[::3], range(3)[1], range(5)[::-1]|list
l["a"] is defined, l[none] is defined, l[1.0] is defined, d["zz"] is defined, d[1] is defined, s["upper"](), l["index"](1)
d.b, d["b"], d.zz is defined, d.get("b"), d.get("zz"), d.get("zz", 5), d.keys()|list, d.values()|list, d.items()|list, d.keys()|length
d.items(), d.keys(), d.values()
keys.items is callable, keys["items"], keys.get("items"), keys.keys()|list, keys.values is defined, p[2].items is callable, p[2]["items"]
d.update is defined, d.pop is defined, l.append is defined, l.sort is defined, s.__class__ is defined, d._x is defined, d.copy(), l.copy(), l.count(1), l.index(2)
l.append(4)
d.update({"z": 1})
d.pop("b")
s.__class__
s.__class__.__mro__
d.__len__()
none.foo is defined, i.foo is defined, t.foo is defined, null.x is none, null.x.y is defined, none.foo
none()
i()
"a"()
{}, {"a": 1, "b": [1, {"c": none}]}, {1: 2, true: 3, 1.0: 4}, {(1, 2): 3}, {none: 1}
{[1]: 2}
[], [1, [2, "x"], (3,), ()], (1, "a"), [none, true, 1.0, 1e20, 1e-7, "it's", 'q"q', "a\nb\\"], ["\x01\x7f\xa0\u200b\ue000"]
1.0, 1e16, 1e15, 1e-4, 1e-5, 123456789.123, 0.1 + 0.2, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 100.0, 3.0e10
i|float, "3.7"|int, "x"|int, "x"|int(5), " 12 "|int, "0x1f"|int(0, 16), "101"|int(0, 2), "1_000"|int, 3.99|int, "-7"|int, none|int, true|int, "1e3"|int, ""|int, "12345678901234567890"|int
"3.5"|float, "x"|float, "x"|float(1.5), 3|float, " 1e3 "|float, "inf"|float, "nan"|float, none|float, "-infinity"|float
"inf"|float|int
("a&b<c>'\""|e)|length, (m|forceescape)|length, (5|e) == "5", (l|safe) == "[3, 1, 2]"
3.5|round, 2.5|round, 2.675|round(2), 42|round, 1234|round(-2), 2.1|round(0, "ceil"), 2.9|round(0, "floor"), 2.15|round(1, "ceil"), -2.5|round
2|round(1, "x")
-3|abs, 3.5|abs, true|abs, -i|abs, (-i)|abs
"a"|abs
"a b-c d_e"|title, "aB cD"|capitalize, "ab (cd) [ef]"|title, "it's a"|title, "it's a".title(), u|upper, u|lower, u|title, u|capitalize, u.swapcase(), "ÅNGSTRÖM ǅ"|lower, "ﬁn"|upper
" a "|trim, "xxaxx"|trim("x"), 5|trim, " \u00a0\u2003a\x1c"|trim
"a b  c"|wordcount, "a.b c-d é1"|wordcount
"hello world foo"|truncate(9), "hello world foo"|truncate(9, true), "hello world"|truncate(5), "hello world foo bar"|truncate(11, false, "…", 0), "hello world foo bar baz"|truncate(10, leeway=0)
"abc"|truncate(2)
lines|indent, lines|indent(2, true), lines|indent(2, blank=true), "a\nb"|indent("> "), "a"|indent, ""|indent, "a\n"|indent, ""|indent(2, true)
"a"|center(5), "ab"|center(5), "x"|center|length
"a b/c?d=é&~*"|urlencode, {"a b": "c/d"}|urlencode, [("a", 1)]|urlencode
"abc"|replace("b", "x"), "aaa"|replace("a", "b", 2), 5|replace("5", "6"), "abc"|replace("", "-")
"abc"|reverse, l|reverse|list, d|reverse|list, (1, 2)|reverse|list, range(3)|reverse|list
l|reverse
l|map("string")
l|first, l|last, e|first is defined, "abc"|first, "abc"|last, d|first, d|last, []|last is defined, u|last
5|first
5|last
none|first
l|length, s|length, d|length, l|count, range(5)|length, d.items()|length
5|length
none|length
l|map("string")|length
l|sort, l|sort(true), w|sort, w|sort(case_sensitive=true), w|sort(reverse=true), p|sort(attribute="v")|map(attribute="v")|list, p|sort(attribute="k,v")|map(attribute="v")|list, d|sort, "cab"|sort, [2.5, 1, true]|sort
[1, "a"]|sort
[none, 1]|sort
[[2, 1], [1, 2], [1]]|sort, [(1, "b"), (1, "a")]|sort
w|unique|list, w|unique(true)|list, [1, 1.0, true, 2]|unique|list, p|unique(attribute="k")|map(attribute="v")|list, "aAb"|unique|join
l|max, l|min, w|max, w|min, w|max(true), []|max is defined, p|max(attribute="v"), "abc"|max
[1, "a"]|max
l|sum, [1, 2.5]|sum, l|sum(start=10), p|sum(attribute="v"), []|sum, [true, true]|sum
["a"]|sum
l|join, l|join("-"), w|join(", "), p|join(",", attribute="v"), "abc"|join("-"), d|join(","), [1, none, 2.5, zz]|join("|")
d|dictsort, d|dictsort(true), d|dictsort(reverse=true), {"a": 2, "b": 1}|dictsort(by="value"), {"b": 1, "A": 2}|dictsort(false, "key", true)
d|dictsort(by="x")
d|items|list
l|items
l|map("string")|list, w|map("upper")|join, p|map(attribute="v")|list, p|map(attribute="zz", default=0)|list, l|map("default", 1)|list, ll|map("sum")|list, ["a b"]|map("replace", "a", "c")|list, p|map(attribute="k")|map("lower")|list, [l]|map(attribute=0)|list, [{"a": {"b": 1}}]|map(attribute="a.b")|list, ["a"]|map("indent", width=2)|list
l|map|list
l|map("nofilter")|list
l|select|list, l|select("odd")|list, l|select("gt", 1)|list, l|reject("equalto", 1)|list, [0, 1, none, ""]|select|list, [0, 1, none]|reject|list, l|select("divisibleby", 2)|list, [1, "a"]|select("string")|list, w|select("in", ["a", "b"])|list
l|select("notest")|list
p|selectattr("v", "gt", 1)|map(attribute="k")|list, p|rejectattr("k", "equalto", "u")|list|length, p|selectattr("items")|list|length, p|selectattr("zz", "defined")|list, p|selectattr("k", "==", "a")|first, p|rejectattr("items", "defined")|map(attribute="k")|list, p|selectattr("zz")|list
p|selectattr|list
l|batch(2)|list, l|batch(2, "x")|list, l|slice(2)|list, l|slice(2, "x")|list, range(7)|slice(3)|map("list")|list, l|batch(10)|list, []|batch(2)|list
p|groupby("k"), p|groupby("v")|map("first")|list, p|groupby("k", case_sensitive=true)|length, p|groupby("zz", default="d")|map(attribute="grouper")|list
l|list, "abc"|list, d|list, (1, 2)|list, range(3)|list, d.items()|list
5|list
none|list
l|tojson, d|tojson, d|tojson(indent=2), p|tojson(indent=1), d|tojson(sort_keys=true), d|tojson(separators=(",", ":")), "é\u2028\x7f<'"|tojson, "é😀\x7f"|tojson(ensure_ascii=true), 1.0|tojson, 1e20|tojson, none|tojson, (1, 2)|tojson, {}|tojson(indent=2), []|tojson(indent=2), [[]]|tojson(indent=2), {1: 2, none: 3, true: 4, 1.5: 5}|tojson, "a"|tojson(indent=0), [1]|tojson(indent=0), [1]|tojson(indent="--"), [1, 2]|tojson(indent=-1), ("nan"|float)|tojson
range(3)|tojson
d.items()|tojson
[zz]|tojson
{(1, 2): 3}|tojson
l|default("x"), n|default("x"), n|default("x", true), e|default("x", boolean=true), zz|d("x"), zz.a|default("x") if zz is defined else "no", 0|default(5, true), d.zz|default([])
d|attr("b") is defined, s|attr("upper")(), s|attr("zz") is defined, d|attr("items") is callable
t is boolean, 1 is boolean, i is number, t is number, t is integer, i is integer, x is float, s is string, d is mapping, l is mapping, l is sequence, s is sequence, d is sequence, 5 is sequence, l is iterable, 5 is iterable, n is none, t is true, 1 is true, f is false, i is odd, i is even, 6 is divisibleby 3, 6 is divisibleby(4), "a" is lower, "A" is upper, "1" is lower, zz is defined, zz is undefined, i is not none, zz is not defined, range is callable, s is callable, zz is sequence, zz is iterable, range(3) is sequence, d.keys() is sequence, d.keys() is iterable, (l|map("string")) is iterable
i is eq 7, i is equalto(7), i is ne 7, i is gt 5, i is ge 7, i is lt 5, i is le 7, i is lessthan 8, i is greaterthan 8, 3 is in l, 3 is in(l), "a" is in "abc", i is sameas i, 1 is sameas true, n is sameas none, "upper" is filter, "zz" is filter, "odd" is test, i is == 7, x is > 2
"a" is odd
2.0 is even, 2.5 is odd, big is odd
i is notest
i is divisibleby 0
s|nofilter
1 is in 5
range(3), range(1, 4), range(0, 10, 3), range(5, 0, -2)|list, range(0)|list, range(3) == range(3), 2 in range(3), "a" in range(3), range(-3)|list
range()
range(1, 2, 3, 4)
range(1.5)
range(100001)
range(0, 5, 0)
range(100000)|length, range(100000)[99999]
dict(a=1, b=2), dict([("a", 1)]), dict({"a": 1}, b=2), dict()
namespace(a=1), namespace(a=1).a, namespace(a=1).zz is defined, namespace({"a": 2}, b=3).b, namespace(a=1)["a"]
raise_exception("no")
raise_exception()
(), (1,), (1), ((1, 2), 3), 1, 2
[1, 2,], {"a": 1,}, (1, 2,), dict(a=1,)
l | map("string") | join ( "," ), ( l ) [ 0 ], l . index ( 1 ), d [ "b" ]
"\x41\u00e9\U0001F600\101\n\t\\\'\"\q", 'a\
b', "\0", "\a\b\f\v\r"|length
"\N{BULLET}"
"\x4"
"\u12"
'{{ x }}', "%}", '}}', "{#"
d.C[0], d.C.0, p.0.k, ll[0][1], ll.1.0, (l).1
1.foo
a.b.c
-i|string, -"a"
- i, + i, - - i, -(-i), --i
not not i, not not not i
i if i else j if j else k
cycler is callable, joiner is callable, loop is defined, caller is defined, varargs is defined
"ab" is string and "b" in "ab" or zz
i > 5 and i < 10 and not (i == 8), i in [7] and "x" not in "abc"
1 if i > 5 else 2 + 3, (1 if i > 5 else 2) + 3
"a" if zz is defined and zz.b else "c"
[1, 2, 3]|sum / 2, [1, 2]|length + 1, "5"|int + 1, 2 + "5"|int, l|length > 2, not l|length
x == 2.50, x // 1, x % 1
1.0 is sameas 1.0
"é" == "é", "é" < "z", "😀" > "\uffff", u == u
"İ"|lower|length, "ß"|upper, "ǆ".title(), "ΑΣ"|lower
d == d, d != l, d is eq d, [d] == [d.copy()], {"a": 1, "b": 2} == {"b": 2, "a": 1}
d + d
d < d
l * l
l - 1
2 ** "a"
"a" ** 2
10 ** 4299|string|length, (10 ** 4299)|string|length
10 ** 4300
(10 ** 5000) % 7, (10 ** 5000) // (10 ** 4999)
1 << 2
a = 1
1 +
(1
[1
{"a" 1}
{"a": 1
l[
l[1:2:3:4]
f(
f(1 2)
f(a=1, 2)
f(**d, 1)
x y
1 2
"a
'a
@
$x
a ? b
a && b
!a
a ! b
{"a": }
[,]
(,)
.5
5.
x is
x is not
| upper
x |
x | upper |
x..y
x.
x.1a
lambda: 1
[i for i in l]
*l
""" + "\n"

TEMPLATES = [
    "  {% if t %}  \n a \n  {% endif %}\n b",
    "a {% if t %} b {% endif %} c\n{%- if t -%}\n x \n{%- endif %}\n",
    "{# c #}\nx{#- c -#} \n y{# a\nb #}\n  {# z #}  \nq",
    "x {#+ c +#} \ny {%+ if t +%}\n z {%+ endif %}\n",
    "{% raw %}{{ x }}{% endraw %}z", "{% raw %}\n{% if %}{# {% endraw %}\nz", "a {%- raw -%}  {{ {%- endraw -%}  z", "{% raw -%} x {%- endraw +%}\n z",
    "{{- 'a' -}}  \n  {{ 'b' }}", "{{ 'a' +}}", "{{+ 'a' }}", "{{-1}}", "{%- set x = -1 -%}{{x-}}",
    "\n\na\n\n", "a\r\nb\rc\n", "{% if t %}\r\nx\r\n{% endif %}\r\n", "a\n", "a\n\n", "", "\n", " \n {% if t %} \n{% endif %}",
    "line1\n    {%- if t %}\n    in\n    {%- endif %}\nline2\n", "\t{% if t %}\tx\t{% endif %}\t\n\t{% if t %}\n", "\u00a0{% if t %}x{% endif %}", "a\u00a0\n\u00a0{% if t %}x{% endif %}",
    "{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': {}} }}", "{{ 'a' }}{{ \"b\" }}{", "{", "{ {x} }", "}}", "%}", "#}", "{{", "{%", "{#", "{{ }}", "{% %}", "{{ x", "{% if t", "{# c",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}", "{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{{ loop.last }},{% endfor %}",
    "{% for x in [] %}a{% else %}b{% endfor %}", "{% for x in l if x > 9 %}a{% else %}b{% endfor %}", "{% for x in l %}{% break %}{% else %}b{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in l %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for x in n %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in zz %}a{% else %}b{% endfor %}", "{% for c in u %}[{{ c }}]{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index }}{{ x }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for x in l recursive %}{{ x }}{{ loop([]) }}{% endfor %}", "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop(l) }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% break %}", "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in l %}a{% endfor %}{{ x is defined }}{{ loop is defined }}", "{% for loop in l %}{{ loop }}{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l|sort %}{{ x }}{% endfor %}", "{% for x in l if x is odd recursive %}{{ x }}{% endfor %}", "{% for x in (l if t else []) %}{{ x }}{% endfor %}", "{% for x in l if t else [] %}{{ x }}{% endfor %}", "{% for x in range(3): %}{{ x }}{% endfor %}",
    "{% for x in l %}{{ y is defined }}{% set y = 5 %}{{ y }}{% endfor %}{{ y is defined }}", "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(a=1, b='x') %}{% for m in l %}{% set ns.a = ns.a + 1 %}{% set ns.c = m %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns.zz is defined }}", "{% set d.x = 1 %}", "{% set zz.x = 1 %}", "{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set (a, b) = [1, 2] %}{{ a }}{{ b }}", "{% set a, b = 1 %}", "{% set a = 1, %}{{ a }}", "{% set a = 1, 2 %}{{ a }}", "{% set a = b = 1 %}", "{% set true = 1 %}", "{% set 1 = 1 %}", "{% set a %}", "{% set a.b.c = 1 %}", "{% set a[0] = 1 %}",
    "{% set x %}block {{ i }}{% endset %}[{{ x }}]", "{% set x | upper | replace('B', 'c') %}ab{% endset %}[{{ x }}]", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% filter upper %}ab {{ i }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aab{% endfilter %}", "{% filter nofilter %}{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with a = i, b = a %}{{ b is defined }}{% endwith %}", "{% with %}{% set q2 = 1 %}{{ q2 }}{% endwith %}{{ q2 is defined }}",
    "{% macro m(a, b=2) %}[{{ a }},{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}{{ m(b=4, a=5) }}{{ m() }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, a=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(n2) %}{{ n2 }}{% if n2 > 0 %}{{ m(n2 - 1) }}{% endif %}{% endmacro %}{{ m(5) }}", "{{ m() }}{% macro m() %}a{% endmacro %}", "{% macro m() %}{{ i }}{{ later }}{% endmacro %}{% set later = 3 %}{{ m() }}", "{% macro m(x) %}{% set x = 5 %}{{ x }}{% endmacro %}{{ m(1) }}{{ x }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in {{ i }}{% endcall %}", "{% macro m() %}<{{ caller(1, 2) }}>{% endmacro %}{% call(a, b=3) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% call i %}{% endcall %}", "{% call zz() %}{% endcall %}",
    "{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.caller }}{{ m.catch_kwargs }}{{ m is callable }}", "{% macro m() %}a{% endmacro %}{{ m()|upper ~ m()|length }}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}", "{% macro m() %}{% for x in l %}{{ x }}{% endfor %}{% endmacro %}{{ m() }}{{ m() }}",
    "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{{ 1 if t }}{{ 1 if n }}", "{% if n %}{{ s|nofilter }}{% endif %}ok", "{% if n %}{% for x in l %}{{ s|nofilter }}{% endfor %}{% endif %}ok", "{{ s|nofilter if n else 'ok' }}", "{% if n %}{{ s is notest }}{% endif %}ok", "{% for x in [] %}{{ x|nofilter }}{% endfor %}",
    "{% if i > 5 and i < 10 and not (i == 8) %}y{% elif t %}n{% else %}z{% endif %}", "{% if n %}a{% elif n %}b{% elif t %}c{% else %}d{% endif %}", "{% if 'false' %}y{% endif %}{% if '0' %}y{% endif %}{% if [] %}n{% endif %}{% if {} %}n{% endif %}{% if 0.0 %}n{% endif %}{% if zz %}n{% endif %}", "{% if t: %}x{% endif %}", "{% if %}{% endif %}", "{% if t %}", "{% endif %}", "{% else %}", "{% if t %}{% endfor %}", "{% elif t %}", "{% if t %}{% else %}{% else %}{% endif %}", "{% if t %}a{% endif %}{% endif %}",
    "{% generation %}x{{ i }}{% endgeneration %}", "{% generation %}{% set y = 1 %}{% endgeneration %}{{ y is defined }}", "{%- generation -%}  x  {%- endgeneration -%}  z", "{% for x in l %}{% generation %}{{ x }}{{ loop.index }}{% endgeneration %}{% endfor %}", "{% generation %}", "{% block a %}x{{ i }}{% endblock %}", "{% block a %}x{% endblock a %}y", "{% print 1, 2 %}", "{% nothing %}", "{% 1 %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% from 'x' import y %}", "{% do 1 %}", "{% trans %}{% endtrans %}", "{% debug %}", "{% autoescape false %}x{% endautoescape %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set x = c.reset() %}{{ c.current }}", "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}", "{% set j = joiner() %}{{ j() }}{{ j() }}", "{{ cycler() }}",
    "{% set it = l|map('string') %}{{ it|join(',') }}|{{ it|join(',') }}", "{% set it = l|select('odd') %}{% for x in it %}{{ x }}{{ loop.last }}{% endfor %}{{ it|list }}", "{% set s = 'x' %}{{ s }}", "{% set range = 5 %}{{ range }}", "{{ range }}", "{{ l.index }}", "{{ m.x }}", "{{ loop }}", "{% set x = l %}{% set x = x + [4] %}{{ x }}{{ l }}",
    "{% set g = p|groupby('k') %}{% for k, v in g %}{{ k }}:{{ v|length }};{% endfor %}{{ g[0].grouper }}{{ g[0].list|length }}", "{{ '%s' % zz }}{{ '{}'.format(zz) }}", "{{ [zz] }}{{ {'a': zz} }}", "{{ [none, zz]|join }}", "{% set a = {'x': 1} %}{{ dict(a, y=2) }}{{ a }}", "{{ dict(a=1, **{'b': 2}) }}{{ dict(*[{'c': 3}]) }}", "{{ 'a%sb' % i }}{{ 'x' ~ 'y' * 2 ~ 1 + 1 }}",
    "{%- for m in [{'role': 'u', 'content': 'c'}] -%}\n  {{- m.role + ':' -}}\n  {%- if loop.last %} L{% endif -%}\n{%- endfor -%}\n", "{{ strftime_now('%Y') | length }}{{ strftime_now('%d %b %Y') | length }}{{ strftime_now('%%%n%q') }}", "{{ strftime_now() }}", "{{ messages is defined }}{{ tools is none }}",
]


def random_expressions(count, seed):
    """Expressions made at random: most are errors in Python, and must be errors here."""
    rng = random.Random(seed)
    atoms = ["s", "e", "n", "t", "i", "x", "big", "l", "w", "d", "p", "zz", "1", "-2", "0", "2.5", "'a'", "'ab c'", "[]", "[1, 'a']", "{}", "{'a': 1}", "(1, 2)", "none", "true", "u", "ll", "range(3)", "'%s'", "''", "10 ** 20", "1e3"]
    binary = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "is eq", "is in"]
    small = ["0", "1", "2", "-1", "'a'", "none", "true", "'v'", "1.5", "[1]", "zz"]
    filters = ["abs", "batch(2)|list", "capitalize", "center(6)", "default({})", "dictsort", "first", "float", "groupby({})", "indent({})", "int", "items|list", "join({})", "last", "length", "list", "lower", "map('string')|list", "max", "min", "reject|list", "replace({},{})", "reverse|list", "round", "select|list", "slice(2)|list", "sort", "string", "sum", "title", "tojson", "trim", "truncate(4)", "unique|list", "upper", "urlencode", "wordcount", "map(attribute={})|list", "selectattr({})|list", "sort({})", "tojson(indent={})", "round({})", "int({})", "truncate({})", "batch({})|list", "format({})"]
    methods = ["strip()", "split()", "split({})", "upper()", "title()", "replace({},{})", "find({})", "startswith({})", "count({})", "index({})", "get({})", "keys()|list", "items()|list", "join({})", "center({})", "zfill({})", "splitlines()", "format({})", "rsplit({})", "isdigit()", "copy()", "values()|list", "ljust({})", "swapcase()", "partition({})"]
    tests = ["defined", "none", "string", "number", "mapping", "sequence", "iterable", "odd", "lower", "integer", "float", "boolean", "divisibleby 2", "callable", "true"]

    def fill(text):
        while "{}" in text:
            text = text.replace("{}", rng.choice(small), 1)
        return text

    def make(depth):
        if depth == 0 or rng.random() < 0.15:
            return rng.choice(atoms)
        kind = rng.randrange(8)
        if kind == 0:
            return f"({make(depth - 1)} {rng.choice(binary)} {make(depth - 1)})"
        if kind in (1, 2):
            return f"({make(depth - 1)})|{fill(rng.choice(filters))}"
        if kind in (3, 4):
            return f"({make(depth - 1)}).{fill(rng.choice(methods))}"
        if kind == 5:
            return f"({make(depth - 1)}) is {rng.choice(tests)}"
        if kind == 6:
            return f"({rng.choice(['s', 'l', 'w', 'p', 'u', 'zz', 'i', 'd', 'n', 'big', 'll'])})[{rng.choice(['0', '-1', '1:', '::-1', '::2', chr(39) + 'a' + chr(39), '-2:', '5', 'none'])}]"
        return f"({make(depth - 1)} if {make(depth - 1)} else {make(depth - 1)})"

    return [make(rng.randint(1, 3)) for _ in range(count)]


def cases(random_count=2000, seed=1):
    """Templates, each once."""
    templates = list(TEMPLATES)
    for line in EXPRESSIONS.strip("\n").replace("\\\n", "\\\n").split("\n"):
        templates.append("{{ " + line + " }}")
    templates += ["{{ " + expression + " }}" for expression in random_expressions(random_count, seed)]
    return list(dict.fromkeys(templates))
