"""Renders templates with Jinja as Transformers sets it up, into goldens.json.

Run with Python packages transformers and jinja2 installed:
    python make_goldens.py
"""

import json
import pathlib

import jinja2
from transformers.utils import chat_template_utils as ctu

compile_template = ctu._compile_jinja_template

VARS = {
    "messages": [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": "Hi, \"you\" <b> é 日本 'q'\n\tx"},
        {"role": "assistant", "content": "Hello!\nBye", "tool_calls": None},
        {"role": "user", "content": "2+2?", "name": "Ann"},
    ],
    "tools": [{"type": "function", "function": {"name": "add", "parameters": {"z": 1, "a": [1.5, True, None, "ü"]}}}],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True,
    "n": 7, "neg": -7, "f": 2.5, "big": 1e20, "small": 1e-7, "t": True, "none": None, "s": "Hello World", "empty": "",
    "l": [3, 1, 2], "d": {"b": 1, "a": {"x": [1, 2]}, "C": None}, "words": ["pear", "Apple", "fig", "apple"],
    "rows": [{"k": "b", "v": 1}, {"k": "a", "v": 2}, {"k": "b", "v": 3}],
}

EXPRESSIONS = r"""
n + 1|n - 9|n * 3|n / 2|n // 2|neg // 2|neg % 3|n % -3|2 ** 3|2 ** 3 ** 2|-2 ** 2|f * 2|f // 1|f % 1|n + f|10 / 5|1_000|1e3|1.5e-7|big|small|0.1 + 0.2|1e16|123456789012345.0
t + 1|true|none|none is none|[1, 'a', none, true, 1.0]|(1,)|(1, 2)|{'a': 1, 'b': [1]}|{}|[]|'it\'s'|['it\'s', "q\"", "\n\\é\u00e9\x41"]
1 < 2 < 3|1 < 2 > 3|1 == 1.0|1 == true|'a' < 'b'|[1, 2] < [1, 3]|'a' in 'cat'|1 in l|'b' in d|'q' not in d|not 1 in l|1 != 2 and 3|0 or 'x'|'' or none|not t
s.upper()|s.lower()|s.title()|s.split()|s.split('o')|s.split('o', 1)|' a  b '.split()|' a  b c '.split(none, 1)|'a,b,,c'.split(',')|'a-b-c'.rsplit('-', 1)|s.strip('Hd')|'  x '.strip()|'  x '.lstrip() + '.'|'  x '.rstrip() + '.'
s.startswith('Hell')|s.endswith(('x', 'ld'))|s.replace('l', 'L')|s.replace('l', 'L', 1)|s.find('o')|s.rfind('o')|s.find('zz')|s.count('l')|s.index('W')|s.capitalize()|s.swapcase()|'abc'.isalpha()|'12'.isdigit()|' '.isspace()|'Ab'.isupper()
s.partition(' ')|s.rpartition('o')|'a\nb\r\nc'.splitlines()|'a\nb\n'.splitlines(true)|', '.join(['a', 'b'])|'x'.join('abc')|'x{}y{}'.format(1, 'b')|'{1}{0}'.format(1, 2)|'{a}'.format(a=3)|'7'.zfill(3)|'-7'.zfill(4)|'ab'.center(7, '*')|'abc'.center(6, '*')|'ab'.ljust(4) + '.'|'ab'.rjust(4)|'pre_x'.removeprefix('pre_')|'x.py'.removesuffix('.py')
s[0]|s[-1]|s[1:3]|s[:-1]|s[::-1]|s[::2]|s[99:]|l[0]|l[-1]|l[1:]|l[::-1]|l[:1]|messages[0].role|messages[0]['role']|messages[1:][0]['content'][:2]|messages[-1].name|messages[0].name is defined|messages[0]['nope'] is undefined|l.0
d.b|d['b']|d.a.x[1]|d.get('b')|d.get('zz')|d.get('zz', 5)|d.items() | list|d.keys() | list|d.values() | list|d | length|d | items | list|d | dictsort|d | list|{'items': 1}.items() | list|{'items': 1}['items']
s | length|s | upper|s | lower|s | title|s | capitalize|s | trim|'  x ' | trim|s | replace('l', 'x')|s | first|s | last|s | reverse|s | list|s | string|'a b c' | wordcount|'hello-world (foo) bar' | title|'<a href="x">' | e|'a b&c/d' | urlencode|'ab' | center(6) ~ '.'
l | sort|l | sort(reverse=true)|l | max|l | min|l | sum|l | length|l | join(', ')|l | first|l | last|l | reverse | list|l | map('string') | join|words | sort|words | sort(case_sensitive=true)|words | unique | list|rows | map(attribute='k') | list|rows | selectattr('k', 'equalto', 'b') | list|rows | rejectattr('k', 'equalto', 'b') | map(attribute='v') | list|rows | selectattr('v') | list | length|rows | sum(attribute='v')|rows | groupby('k') | list|rows | sort(attribute='k') | map(attribute='v') | list|rows | join(',', attribute='k')|l | select('odd') | list|l | reject('odd') | list|l | select('>', 1) | list|[0, 1, ''] | select | list|l | batch(2) | list|rows | map(attribute='zz', default='q') | list
neg | abs|'3' | int|'x' | int(9)|'3.7' | int|'3.7' | float|f | int|f | round|3.14159 | round(2)|2.5 | round | int|f | round(0, 'floor')|f | round(0, 'ceil')|n | string + '!'|n | float|missing | default('d')|'' | default('d')|'' | default('d', true)|missing | d|none | default('x')|missing or 'y'
tools | tojson|tools | tojson(indent=2)|s | tojson|messages[1] | tojson|d | tojson(sort_keys=true)|none | tojson|1.0 | tojson|'é\u2028"\\/\x01' | tojson|'é😀' | tojson(ensure_ascii=true)|l | tojson(separators=(',', ':'))|{} | tojson(indent=4)|[[], {}] | tojson(indent=1)|{1: 2, true: 3} | tojson|(1, 2) | tojson
n is number|n is integer|f is float|s is string|s is iterable|l is sequence|d is mapping|d is iterable|n is odd|n is even|n is divisibleby 7|n is divisibleby(2)|missing is defined|none is none|t is boolean|t is true|t is not false|n is eq 7|n is lt(8)|'a' is in 'abc'|'A' is upper|s is not none|n is not string|l is iterable and l is not mapping|1 is sameas 1|range is callable|n is defined and n
'%s-%d' % ('a', 3)|'%5.1f|' % 2.25|'%s' % 'x'|'a' ~ 1 ~ none ~ true|'ab' * 3|[1] + [2]|[0] * 3|'a' 'b'|'x' if t else 'y'|'x' if missing|('x' if missing) is undefined|'a' if false else 'b' if t else 'c'|range(3) | list|range(1, 7, 2) | list|range(3, 0, -1) | list|dict(a=1, b=2)|namespace(a=1).a|missing|missing ~ 'x'|none.foo is defined|'%s' | format('x')|-n | abs|not n == 7|n if n > 3 else 0|'abc' | map('upper') | join('-')|d.a.x | map('string') | list|(l | length) > 2|l | length > 2
d.items()|d.keys()|d.values()|d.items()[0]|d.keys() is sequence|d.keys() is iterable|d.keys() | tojson|d.keys() + l|d.items()[1:]|d.values() | length|d.items() | last|'b' in d.keys()
(l | select('odd')) is sequence|(l | select('odd')) is iterable|'T' if l | select('gt', 9) else 'F'|l | select('odd') | first|l | map('string') | length|(l | map('string'))[0] is defined|(l | map('string'))[1:]|l | map('string') | last|l | map('string') | tojson|none | map('upper') | list|none | selectattr('k') | list|3 | map('upper') | list
l | batch(2, 'x') | list|l | slice(2) | list|l | slice(2, 'x') | list|'é ß İ' | upper|'É ΑΣ' | lower|'ßA' | capitalize|n | round|25 | round(-1)|15 | round(-1)|n | round(0, 'ceil')|'a-b c_d' | wordcount|'' | indent(2, true) ~ '.'|'a\n\nb' | indent(2, true)|'a\n\nb' | indent(2, blank=true)|n | indent
'0x1f' | int(base=16)|'0b11' | int(base=2)|missing | int|f is even|4.0 is even|missing in d|namespace(a=1)|n | safe + '!'|[none, none] | sort|[missing, missing] | sort | length|missing is callable|s is escaped|[[['q', 'r']]].0.0.1|d.a.x.0|s is callable|'a' is in d|rows | map(attribute='v') | sum|'<b>' | forceescape
"""

TEMPLATES = {
    "trim and lstrip": "  {% if true %}\n  a\n    {% endif %}\nb {% if true %} c {% endif %} \n{# x #}\n   {# y #} z\n {{ 1 }}\n\n",
    "dash": "a  {%- if true -%}  \n b \n {%- endif %}\n c {{- 1 -}}  d\n",
    "plus": "  {%+ if true +%}\n a {%+ endif %}\n",
    "raw": "a {% raw %}\n {{ x }} {% if %} {% endraw %}\nb{%- raw -%}  c  {%- endraw -%}  d",
    "crlf": "a\r\nb\r\n{% if true %}\r\nc\r\n{% endif %}\r\n",
    "for": "{% for m in messages %}{{ loop.index }}/{{ loop.length }} {{ m.role }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "for vars": "{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }};{% endfor %}",
    "for filter else": "{% for x in l if x > 5 %}{{ x }}{% else %}none{% endfor %}{% for x in l if x != 1 %}{{ loop.index }}:{{ x }} of {{ loop.length }};{% endfor %}",
    "for tuple": "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a + b + c }}{% endfor %}",
    "for over": "{% for k in d %}{{ k }}{% endfor %}{% for c in 'héy' %}{{ c }}.{% endfor %}{% for x in missing %}x{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "break continue": "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "nested loops": "{% for r in rows %}{% set outer = loop %}{% for x in l %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "set scope": "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}{% if true %}{% set x = 5 %}{% endif %}{{ x }}",
    "set more": "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = (1, 2) %}{{ t }}{% set q %}  hi {{ a }}{% endset %}[{{ q }}]{% set u | upper | trim %} x {% endset %}[{{ u }}]",
    "namespace": "{% set ns = namespace(found=false, n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{{ ns.found }} {{ ns.n }}{{ ns.zz is defined }}",
    "if": "{% for x in [0, 1, 2] %}{% if x == 0 %}zero{% elif x == 1 %}one{% else %}many{% endif %}{% endfor %}",
    "macro": "{% set g = 'G' %}{% macro m(a, b='B', c=a) %}[{{ a }}{{ b }}{{ c }}{{ g }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(b=2, a=1) | upper }}{{ m() }}",
    "macro recursion": "{% macro fact(n) %}{% if n > 0 %}{{ n }}{{ fact(n - 1) }}{% endif %}{% endmacro %}{{ fact(4) }}",
    "call": "{% macro box(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call box('b') %}in {{ n }}{% endcall %}",
    "filter block": "{% filter upper | replace('A', 'x') %}abc {{ n }}{% endfilter %}",
    "with": "{% with a = 1, b = n %}{{ a + b }}{% endwith %}{{ a is defined }}",
    "braces": "{{ {'a': {'b': 1}}['a'] }} {% set x = {'k': '}}'} %}{{ x.k }} {'{'} }} %} #}",
    "a generator once": "{% set g = l | select('odd') %}{% for x in g %}{{ x }}{{ loop.length }}{% endfor %}{% for x in g %}{{ x }}{% else %}none{% endfor %}",
    "first takes": "{% set g = l | map('string') %}{{ g | first }}{{ g | join }}",
    "generation": "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}é<end>\n{% endgeneration %}{% else %}{{ m.content }}\n{% endif %}{% endfor %}",
    "generation space": "{{ 'ü日' }}\n{%- generation -%}\n  a b\n{%- endgeneration -%}  c\n  {% generation %}\nd\n  {% endgeneration %}\ne",
    "generation scope": "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
    "undefined attribute": "{{ missing.x }}",
    "undefined item": "{{ missing['x'] }}",
    "undefined sum": "{{ missing + 1 }}",
    "undefined call": "{{ missing() }}",
    "string plus number": "{{ 'a' + 1 }}",
    "raise": "a\n{% if true %}\n{{ raise_exception('roles must alternate') }}{% endif %}",
    "append is forbidden": "{% set x = [] %}{{ x.append(1) }}",
    "update is forbidden": "{% set x = {} %}{% do x.update({'a': 1}) %}",
    "zero": "{{ 1 // 0 }}",
    "iterate number": "{% for x in 3 %}{% endfor %}",
    "unpack": "{% for a, b in [1, 2] %}{% endfor %}",
    "unknown filter": "{{ n | nope }}",
    "unknown test": "{{ n is nope }}",
    "unknown tag": "{% nope %}",
    "unclosed": "{% if true %}a",
    "unclosed expression": "{{ n ",
    "wrong bracket": "{{ (1] }}",
    "else alone": "{% else %}",
    "empty output": "{{ }}",
}


def render(template):
    case = {"template": template}
    try:
        compiled = compile_template(template)
        blocks, spans = [], []
        with compiled.environment.activate_tracker(blocks, spans):
            for block in compiled.generate(**VARS):
                blocks.append(block)
        text = "".join(blocks)
        case["text"] = text
        # Jinja counts characters.
        case["spans"] = [[len(text[:a].encode()), len(text[:b].encode())] for a, b in spans]
    except Exception as e:
        case["error"] = type(e).__name__
    return case


def main():
    cases = []
    for line in EXPRESSIONS.strip().split("\n"):
        for e in split_expressions(line):
            cases.append({"name": e, **render("{{ " + e + " }}")})
    for name, template in TEMPLATES.items():
        cases.append({"name": name, **render(template)})
    here = pathlib.Path(__file__).parent
    out = {"jinja2": jinja2.__version__, "vars": VARS, "cases": cases}
    (here / "goldens.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
    print(len(cases), sum("error" in c for c in cases))


def split_expressions(line):
    """Cuts at `|` without spaces around it and outside of quotes."""
    parts, quote, start = [], "", 0
    for i, c in enumerate(line):
        if quote:
            if c == quote and line[i - 1] != "\\":
                quote = ""
        elif c in "'\"":
            quote = c
        elif c == "|" and line[i - 1] != " ":
            parts.append(line[start:i])
            start = i + 1
    return parts + [line[start:]]


main()
