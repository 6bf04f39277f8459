"""Every kind of change, as people read it: what is edited in the catalog of conftest.py, and the exact text."""

import pytest

# Name, edits that come first, the edits that are shown, what is shown.
CASES = [
    (
        "nothing",
        {},
        {},
        """\
nothing changes
""",
    ),
    (
        "comment",
        {},
        {"models/openai/bot.yaml": "type: fine-tuned => # hello\\ntype: fine-tuned"},
        """\
nothing changes

1 file differs in form only
""",
    ),
    (
        "added",
        {},
        {
            "models/openai/new.yaml": 'type: fine-tuned\nbase_model: gpt-4.1-nano\nowner: data\npricing: {input_mtok: "1", output_mtok: "2"}\n'
        },
        """\
models: 1 added

Models
  @openai/new added: own input_mtok 1, output_mtok 2, like gpt-4.1-nano, of data

Newly allowed
  keys batch and desk (of data and support) can now call @openai/new
""",
    ),
    (
        "removed with replacement",
        {
            "models/local/tiny.yaml": 'type: custom\nupstream_model: tiny-1\nlifecycle: {status: deprecated, replacement: "@openai/listed"}\n',
            "routes/main.yaml": None,
        },
        {
            "models/local/tiny.yaml": None,
            "keys/search.yaml": '"@local/*" => "@openai/heir*"',
            "teams/support/team.yaml": ', "@local/*" => ',
        },
        """\
breaks 2 keys; models: 1 removed; teams: 1 changed; keys: 1 changed

Broken for callers
  keys batch and search (of data and search) can no longer call @local/tiny: removed; use @openai/listed

Models
  @local/tiny removed

Teams
  support
    models: - @local/*

Keys
  search
    another scope
    models: + @openai/heir*, - @local/*

Newly allowed
  key search (of search) can now call @openai/heir-a and @openai/heir-b
""",
    ),
    (
        "renamed",
        {"routes/main.yaml": None},
        {
            "models/local/tiny.yaml": None,
            "models/local/small.yaml": 'type: custom\nupstream_model: tiny-1\npricing: {input_mtok: "0.1", output_mtok: "0.4"}\n',
        },
        """\
breaks 2 keys; models: 1 renamed

Broken for callers
  keys batch and search (of data and search) can no longer call @local/tiny: renamed; now called @local/small

Models
  @local/tiny is now called @local/small
""",
    ),
    (
        "renamed, old name kept",
        {"routes/main.yaml": None},
        {
            "models/local/tiny.yaml": None,
            "models/local/small.yaml": """\
type: custom
upstream_model: tiny-1
pricing: {input_mtok: "0.1", output_mtok: "0.4"}
aliases: ["@local/tiny"]
""",
        },
        """\
models: 1 renamed

Models
  @local/tiny is now called @local/small
""",
    ),
    (
        "moved to a team's file",
        {"models/openai/bot.yaml": "owner: bots => owner: support"},
        {
            "models/openai/bot.yaml": None,
            "teams/support/models/openai/bot.yaml": """\
type: fine-tuned
base_model: gpt-4.1-nano
upstream_model: ft:bot:1
aliases: [bot]
owner: support
pricing: {input_mtok: "0.20", output_mtok: "0.80"}
access: {teams: ["*"]}
""",
        },
        """\
models: 1 moved

Models
  @openai/bot moved from models/openai/bot.yaml to teams/support/models/openai/bot.yaml
    team: - → support
""",
    ),
    (
        "repriced, with heirs",
        {},
        {"models/openai/bot.yaml": '"0.20" => "0.25"'},
        """\
3 models repriced (up to +25 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/bot, and 2 models that inherit this: @openai/heir-a and @openai/heir-b
    input_mtok  0.20 → 0.25  +25 %
""",
    ),
    (
        "ten times",
        {},
        {"models/openai/bot.yaml": '"0.20" => "200"\n"0.80" => "0.04"'},
        """\
3 models repriced (×1000!)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/bot, and 2 models that inherit this: @openai/heir-a and @openai/heir-b
    input_mtok   0.20 → 200  ×1000!
    output_mtok  0.80 → 0.04  ÷20!
""",
    ),
    (
        "meter",
        {},
        {
            "models/local/tiny.yaml": 'output_mtok: "0.4" => output_mtok: "0.4", cache_read_mtok: "0.01", requests_kcount: "2"'
        },
        """\
1 model repriced (up to -90 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny
    cache_read_mtok  0.1 (by input_mtok) → 0.01  -90 %
    requests_kcount  no price → 2
""",
    ),
    (
        "future window",
        {},
        {
            "models/local/tiny.yaml": 'pricing: {input_mtok: "0.1", output_mtok: "0.4"} => pricing: [{input_mtok: "0.1", output_mtok: "0.4"}, {from: 2027-01-01T00:00:00Z, input_mtok: "0.2", output_mtok: "0.4"}]'
        },
        """\
1 model repriced (up to +100 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny
    from 2027-01-01: input_mtok  0.1 → 0.2  +100 %
""",
    ),
    (
        "postponed",
        {
            "models/local/tiny.yaml": 'type: custom\npricing: [{input_mtok: "1"}, {from: 2027-01-01T00:00:00Z, input_mtok: "2"}]\n'
        },
        {"models/local/tiny.yaml": "2027-01 => 2027-03"},
        """\
1 model repriced (up to -50 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny
    from 2027-01-01 until 2027-03-01: input_mtok  2 → 1  -50 %
""",
    ),
    (
        "past window",
        {
            "models/local/tiny.yaml": 'type: custom\npricing: [{input_mtok: "1"}, {from: 2026-10-01T00:00:00Z, input_mtok: "2"}]\n'
        },
        {"models/local/tiny.yaml": '"1" => "3", correction: "typed wrong"'},
        """\
1 model repriced

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny: only in windows that are past; what is on record stays
""",
    ),
    (
        "tiers and variants",
        {},
        {
            "models/local/tiny.yaml": 'output_mtok: "0.4" => output_mtok: "0.4", tiers: [{above_input_tokens: 200000, input_mtok: "0.2"}], variants: {batch: {when: {processing: batch}, input_mtok: "0.05"}}'
        },
        """\
1 model repriced (up to +100 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny
    above 200000: input_mtok      0.1 (by input_mtok) → 0.2  +100 %
    processing=batch: input_mtok  0.1 (by input_mtok) → 0.05  -50 %
""",
    ),
    (
        "inherit to own",
        {},
        {
            "models/openai/listed.yaml": 'pricing: inherit => pricing: {input_mtok: "0.1", output_mtok: "0.4", cache_read_mtok: "0.025"}'
        },
        """\
1 model repriced (up to +100 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/listed (price: inherit openai:gpt-4.1-nano → own)
    processing=batch: input_mtok            0.05 → 0.1 (by input_mtok)  +100 %
    processing=batch: output_mtok           0.2 → 0.4 (by output_mtok)  +100 %
    service_tier=fast: input_mtok           0.2 → 0.1 (by input_mtok)  -50 %
    service_tier=fast: output_mtok          0.8 → 0.4 (by output_mtok)  -50 %
    service_tier=fast: cache_read_mtok      0.05 → 0.025 (by cache_read_mtok)  -50 %
    service_tier=priority: input_mtok       0.2 → 0.1 (by input_mtok)  -50 %
    service_tier=priority: output_mtok      0.8 → 0.4 (by output_mtok)  -50 %
    service_tier=priority: cache_read_mtok  0.05 → 0.025 (by cache_read_mtok)  -50 %
""",
    ),
    (
        "same rates, own",
        {},
        {"models/openai/heir-a.yaml": 'pricing: "@openai/bot" => pricing: {input_mtok: "0.20", output_mtok: "0.80"}'},
        """\
1 model repriced

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/heir-a (price: inherit @openai/bot → own): the rates stay
""",
    ),
    (
        "unpriced",
        {"budgets/bot.yaml": None},
        {"models/local/tiny.yaml": 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\\n => \\n'},
        """\
1 model repriced

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny (price: own → unpriced)
    input_mtok   0.1 → unpriced
    output_mtok  0.4 → unpriced
""",
    ),
    (
        "to free",
        {},
        {"models/local/tiny.yaml": 'pricing: {input_mtok: "0.1", output_mtok: "0.4"} => pricing: free'},
        """\
1 model repriced (up to -100 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny (price: own → free)
    input_mtok   0.1 → 0  -100 %
    output_mtok  0.4 → 0  -100 %
""",
    ),
    (
        "unpriced to free",
        {"models/local/tiny.yaml": "type: custom\n"},
        {"models/local/tiny.yaml": "type: custom => pricing: free\\ntype: custom"},
        """\
1 model repriced

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @local/tiny (price: unpriced → free)
    all  unpriced → free
""",
    ),
    (
        "factor",
        {},
        {"providers/openai.yaml": 'api: openai => price_factor: "0.5"\\napi: openai'},
        """\
2 models repriced (up to -50 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/gpt-4.1-nano and @openai/listed (2 models inherit this from openai:gpt-4.1-nano)
    input_mtok                              0.1 → 0.05  -50 %
    output_mtok                             0.4 → 0.2  -50 %
    cache_read_mtok                         0.025 → 0.0125  -50 %
    processing=batch: input_mtok            0.05 → 0.025  -50 %
    processing=batch: output_mtok           0.2 → 0.1  -50 %
    service_tier=fast: input_mtok           0.2 → 0.1  -50 %
    service_tier=fast: output_mtok          0.8 → 0.4  -50 %
    service_tier=fast: cache_read_mtok      0.05 → 0.025  -50 %
    service_tier=priority: input_mtok       0.2 → 0.1  -50 %
    service_tier=priority: output_mtok      0.8 → 0.4  -50 %
    service_tier=priority: cache_read_mtok  0.05 → 0.025  -50 %
""",
    ),
    (
        "upstream",
        {},
        {"models/openai/bot.yaml": "ft:bot:1 => ft:bot:2"},
        """\
1 model rerouted

Rerouted
  @openai/bot
    upstream_model: ft:bot:1 → ft:bot:2
""",
    ),
    (
        "base_url",
        {},
        {"providers/local.yaml": "http://127.0.0.1:8000/v1 => https://llm.acme.internal/v1"},
        """\
1 provider rerouted

Rerouted
  provider local
    1 model goes through it
    another origin: the operator must bind the credential to it before a call goes there
    base_url: http://127.0.0.1:8000/v1 → https://llm.acme.internal/v1
""",
    ),
    (
        "base model",
        {},
        {"models/openai/heir-a.yaml": 'base_model: gpt-4.1-nano => base_model: "@openai/bot"'},
        """\
1 model rerouted

Rerouted
  @openai/heir-a
    base_model: gpt-4.1-nano → @openai/bot
""",
    ),
    (
        "route",
        {},
        {"routes/main.yaml": "95 => 50\nweight: 5} => weight: 50}"},
        """\
1 route rerouted

Rerouted
  route @route/main
    targets: @openai/bot weight 95 and @local/tiny weight 5 → @openai/bot weight 50 and @local/tiny weight 50
""",
    ),
    (
        "alias moved",
        {},
        {
            "models/openai/bot.yaml": "aliases: [bot]\\n => \\n",
            "models/local/tiny.yaml": "type: custom => type: custom\\naliases: [bot]",
        },
        """\
breaks 2 keys; names: 1 moved

Broken for callers
  key search (of search) can no longer call @openai/bot: the key's own patterns deny it
  key desk (of support) can no longer call bot: the key's own patterns deny it

Names
  bot means another model: @openai/bot → @local/tiny
    input_mtok   0.20 → 0.1  -50 %
    output_mtok  0.80 → 0.4  -50 %
""",
    ),
    (
        "alias gone",
        {},
        {"models/openai/bot.yaml": "aliases: [bot]\\n => \\n", "keys/search.yaml": '[bot,  => ["@openai/bot", '},
        """\
breaks 3 keys; keys: 1 changed; names: 1 gone

Broken for callers
  keys batch, desk and search (of data, search and support) can no longer call bot: removed; use @openai/bot

Names
  bot is gone; it meant @openai/bot

Keys
  search
    another scope
    models: + @openai/bot, - bot
""",
    ),
    (
        "alias new",
        {},
        {"models/openai/bot.yaml": "[bot] => [bot, botty]"},
        """\
names: 1 new

Names
  botty is new and means @openai/bot
""",
    ),
    (
        "retired",
        {},
        {
            "models/openai/bot.yaml": 'type: fine-tuned => type: fine-tuned\\nlifecycle: {status: retired, replacement: "@openai/listed"}'
        },
        """\
breaks 3 keys; models: 1 changed

Broken for callers
  keys batch, desk and search (of data, search and support) can no longer call @openai/bot: retired; use @openai/listed

Models
  @openai/bot
    lifecycle.replacement: - → @openai/listed
    lifecycle.status: active → retired
""",
    ),
    (
        "provider timeouts",
        {},
        {"providers/openai.yaml": "api: openai => api: openai\\ntimeouts: {idle: 30s}"},
        """\
models: 5 changed; providers: 1 changed

Models
  5 models: @openai/bot, @openai/gpt-4.1-nano, @openai/heir-a, @openai/heir-b and @openai/listed (by providers/openai.yaml)
    timeouts.idle: 1m → 30s

Providers
  openai
    5 models go through it
    timeouts.idle: 1m → 30s
""",
    ),
    (
        "settings",
        {},
        {
            "models/openai/bot.yaml": "type: fine-tuned => type: fine-tuned\\nlimits: {max_output_tokens: 100, over_limit: clamp}\\nforbid: [logprobs, n]\\ndefaults: {temperature: 0.2}\\nlabels: {env: prod}"
        },
        """\
models: 1 changed

Models
  @openai/bot
    defaults.temperature: - → 0.2
    forbid: - → logprobs and n
    labels.env: - → prod
    limits.max_output_tokens: - → 100
    limits.over_limit: refuse → clamp
""",
    ),
    (
        "access",
        {},
        {"models/openai/bot.yaml": "type: fine-tuned => type: fine-tuned\\naccess: {teams: [support]}"},
        """\
breaks 2 keys; models: 1 changed

Broken for callers
  keys batch and search (of data and search) can no longer call @openai/bot: denied by models/openai/bot.yaml

Models
  @openai/bot
    access.teams: + support, - *
""",
    ),
    (
        "key added",
        {},
        {
            "keys/new.yaml": """\
owner: data
models: ["@local/*"]
key_sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""
        },
        """\
keys: 1 added

Keys
  new added

Newly allowed
  key new (of data) (a new key) can now call @local/tiny
""",
    ),
    (
        "key removed",
        {},
        {"keys/search.yaml": None},
        """\
breaks 1 key; keys: 1 removed

Broken for callers
  key search (of search) is gone: its holders can call nothing any more (before: @local/tiny and @openai/bot)

Keys
  search removed
""",
    ),
    (
        "key renamed",
        {},
        {
            "keys/search.yaml": None,
            "keys/find.yaml": """\
owner: search
models: [bot, "@local/*"]
key_sha256: "5555555555555555555555555555555555555555555555555555555555555555"
""",
        },
        """\
keys: 1 renamed

Keys
  search is now called find
""",
    ),
    (
        "key rotated",
        {},
        {
            "keys/search.yaml": 'key_sha256: "5555555555555555555555555555555555555555555555555555555555555555" => secrets: [{sha256: "5555555555555555555555555555555555555555555555555555555555555555", expires: 2026-12-01T00:00:00Z}, {sha256: "6666666666666666666666666666666666666666666666666666666666666666"}]'
        },
        """\
keys: 1 changed

Keys
  search
    rotated, 1 new, 0 gone, 1 kept
    secrets.555555555555: valid → until 2026-12-01T00:00:00Z
    secrets.666666666666: - → valid
""",
    ),
    (
        "key disabled",
        {},
        {"keys/search.yaml": "owner: => disabled: true\\nowner:"},
        """\
breaks 1 key; keys: 1 changed

Broken for callers
  key search (of search) is disabled: its holders can call nothing any more (before: @local/tiny and @openai/bot)

Keys
  search
    disabled
""",
    ),
    (
        "key expired",
        {},
        {"keys/search.yaml": "owner: => expires: 2026-01-01T00:00:00Z\\nowner:"},
        """\
breaks 1 key; keys: 1 changed

Broken for callers
  key search (of search) has expired: its holders can call nothing any more (before: @local/tiny and @openai/bot)

Keys
  search
    expired at 2026-01-01T00:00:00Z
""",
    ),
    (
        "key scope",
        {},
        {"keys/search.yaml": '[bot, "@local/*"] => ["@local/*", "@openai/listed"]'},
        """\
breaks 1 key; keys: 1 changed

Broken for callers
  key search (of search) can no longer call @openai/bot: the key's own patterns deny it

Keys
  search
    another scope
    models: + @openai/listed, - bot

Newly allowed
  key search (of search) can now call @openai/listed
""",
    ),
    (
        "budget",
        {},
        {"budgets/bot.yaml": '"100.00" => "50.00"'},
        """\
budgets: 1 changed

Budgets
  bot
    what was used stays: only the limit is another one
    limit_usd: 100 → 50
""",
    ),
    (
        "budget renamed",
        {},
        {
            "budgets/bot.yaml": None,
            "budgets/bots.yaml": 'limit_usd: "100.00"\nperiod: month\napplies_to: {models: ["@openai/bot"]}\n',
        },
        """\
budgets: 1 renamed

Budgets
  bot is now called bots
    a budget is counted by its name: this one begins at zero
""",
    ),
    (
        "team",
        {},
        {"teams/support/team.yaml": '"@local/*" => "@local/tiny"\n"@openai/*" => "@openai/b*"'},
        """\
breaks 1 key; teams: 1 changed

Broken for callers
  key desk (of support) can no longer call @openai/gpt-4.1-nano, @openai/heir-a, @openai/heir-b and @openai/listed: denied by teams/support/team.yaml

Teams
  support
    models: + @local/tiny and @openai/b*, - @local/* and @openai/*
""",
    ),
    (
        "accept",
        {"models/local/tiny.yaml": "type: custom\n"},
        {"models/local/tiny.yaml": 'type: custom => type: custom\\naccept: {unpriced: "nobody pays"}'},
        """\
what is accepted changes

Catalog
  models/local/tiny.yaml
    accept.unpriced: - → nobody pays
""",
    ),
    (
        "shrink",
        {},
        {"catalog.yaml": "format: 1 => format: 1\\nallow_shrink: house moves"},
        """\
what is accepted changes

Catalog
  catalog.yaml
    allow_shrink: - → house moves
""",
    ),
]


@pytest.mark.parametrize(("before", "edits", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_change_is_said_in_its_own_words(before, edits, expected, edited, edit, compare, show):
    one = edited(before)
    change = compare(one, edit(one, edits))
    assert show(change).partition("\n")[2] == expected
    # Nothing is said of a catalog and itself, whatever is in it.
    assert compare(one, one).is_empty
