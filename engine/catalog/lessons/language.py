"""Lessons about the text of a file, its place and its shape."""

from engine.catalog.lessons.lesson import Lesson

TINY = "models/local/tiny.yaml"
_CUSTOM = "type: custom\naliases: [small]\n"
_PRICED = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\n'
_GOOD = {TINY: f"{_CUSTOM}{_PRICED}"}

LESSONS = {
    "file-too-large": Lesson("No file of a catalog needs 256 KiB. One that has them is most likely no catalog file."),
    "not-utf8": Lesson(
        "All text is UTF-8, so that it says the same to everybody. Save the file as UTF-8 without a mark."
    ),
    "byte-order-mark": Lesson(
        "A byte order mark is invisible, and other tools take it for a part of the first key. Save as plain UTF-8."
    ),
    "forbidden-character": Lesson(
        "Control characters, foreign line separators and marks of text direction make a reviewer see another text than "
        "the computer reads.",
        {TINY: f"description: Small\u202emodel\n{_CUSTOM}{_PRICED}"},
        _GOOD,
    ),
    "yaml-syntax": Lesson(
        "What is not YAML cannot be read, and nothing is guessed.",
        {TINY: 'type: custom\npricing: {input_mtok: "0.1"\n'},
        _GOOD,
    ),
    "quote-it": Lesson(
        'YAML keeps "@" and the backtick for itself, so a name such as @openai/bot must be quoted.',
        {TINY: f"{_CUSTOM}pricing: @openai/bot\n"},
        {TINY: f'{_CUSTOM}pricing: "@openai/bot"\n'},
    ),
    "too-deep": Lesson(
        "No document of a catalog nests deeper than a few levels. Thousands of brackets are an attack on the parser.",
        {TINY: f"defaults: {'[' * 40}{']' * 40}\n{_CUSTOM}{_PRICED}"},
        _GOOD,
    ),
    "too-many-values": Lesson(
        "No document of a catalog has 20,000 values; one that has is most likely no catalog file."
    ),
    "value-too-long": Lesson(
        "No value of a catalog has 64 Ki characters; one that has is most likely in the wrong place."
    ),
    "alias": Lesson(
        "Anchors and aliases make one line mean many, far away from it; a few lines can stand for gigabytes. A shared "
        'price is written pricing: "@provider/slug".',
        {TINY: f'{_CUSTOM}pricing: {{input_mtok: &rate "0.1", output_mtok: *rate}}\n'},
        _GOOD,
    ),
    "tag": Lesson(
        "Tags ask the reader to make something else of a value, some of them code. Values are text, numbers, true or "
        "false, lists and mappings.",
        {TINY: f'{_CUSTOM}pricing: {{input_mtok: !!str 0.1, output_mtok: "0.4"}}\n'},
        _GOOD,
    ),
    "directive": Lesson(
        "Every file is YAML 1.2; a directive that says otherwise would change what the lines below it mean.",
        {TINY: f"%YAML 1.1\n---\n{_CUSTOM}{_PRICED}"},
        _GOOD,
    ),
    "multiple-documents": Lesson(
        "The path is the identity, so a file says one thing. Most tools would read the first document only.",
        {TINY: f"{_CUSTOM}{_PRICED}---\ntype: custom\n"},
        _GOOD,
    ),
    "merge-key": Lesson(
        "The merge key is no part of YAML 1.2, and hides what a file says.",
        {TINY: f"<<: {{owner: team-app}}\n{_CUSTOM}{_PRICED}"},
        {TINY: f"owner: team-app\n{_CUSTOM}{_PRICED}"},
    ),
    "duplicate-key": Lesson(
        "Other readers keep one of the two without a word, and not all the same one.",
        {TINY: f'{_CUSTOM}{_PRICED}pricing: {{input_mtok: "9", output_mtok: "9"}}\n'},
        _GOOD,
    ),
    "bad-key": Lesson(
        "Keys are text. What YAML reads as a number or as nothing was most likely meant as text, and must be quoted.",
        {TINY: f"labels: {{1: first}}\n{_CUSTOM}{_PRICED}"},
        {TINY: f'labels: {{"1": first}}\n{_CUSTOM}{_PRICED}'},
    ),
    "bad-number": Lesson(
        "Infinity, and numbers that are kept only roughly, are no limits and no prices.",
        {TINY: f"defaults: {{temperature: .inf}}\n{_CUSTOM}{_PRICED}"},
        {TINY: f"defaults: {{temperature: 1.5}}\n{_CUSTOM}{_PRICED}"},
    ),
    "missing-file": Lesson(
        "catalog.yaml says that this is a catalog and of which format; team.yaml says that a team exists. Without the "
        "first, an empty directory would look like a catalog without models.",
        {"teams/team-app/models/local/ours.yaml": f"type: custom\n{_PRICED}"},
        {
            "teams/team-app/team.yaml": "description: The app\n",
            "teams/team-app/models/local/ours.yaml": f"type: custom\n{_PRICED}",
        },
    ),
    "unknown-file": Lesson(
        "A file in the wrong place would be ignored without a word. Notes for people go into README.md.",
        {"models/new.yaml": f"type: custom\n{_PRICED}"},
        {"models/local/new.yaml": f"type: custom\n{_PRICED}"},
    ),
    "wrong-extension": Lesson(
        "One extension, so that a file is not there twice.",
        {"models/local/new.yml": f"type: custom\n{_PRICED}"},
        {"models/local/new.yaml": f"type: custom\n{_PRICED}"},
    ),
    "bad-name": Lesson(
        "Names stand in URLs, on bills and in other people's configuration, so they are plain: lower-case letters, "
        "digits, dots, dashes and underscores.",
        {"models/local/New Model.yaml": f"type: custom\n{_PRICED}"},
        {"models/local/new-model.yaml": f"type: custom\n{_PRICED}"},
    ),
    "case-collision": Lesson(
        "On many systems two names that differ in upper and lower case only are one file.",
        {"models/local/Tiny.yaml": f"type: custom\n{_PRICED}"},
        {"models/local/tiny-too.yaml": f"type: custom\n{_PRICED}"},
    ),
    "unknown-key": Lesson(
        "A key that is not known would be ignored, and what it was meant to do would not happen.",
        {TINY: f"{_CUSTOM}prcing: free\n"},
        {TINY: f"{_CUSTOM}pricing: free\n"},
    ),
    "not-supported": Lesson(
        "The reference data knows that API, but it has none of the calls that the gateway serves.",
        {"providers/jev.yaml": "api: typesafe\n"},
        {"providers/jev.yaml": "api: openai-compatible\nbase_url: https://llm.example.com/v1\n"},
    ),
    "missing-key": Lesson(
        "Nothing is guessed: what a kind of file must say is said in it.",
        {TINY: f"aliases: [small]\n{_PRICED}"},
        _GOOD,
    ),
    "wrong-type": Lesson(
        "YAML reads 0.10 as a number, which computers keep only roughly. Money, versions and times are quoted text; "
        "limits are whole numbers.",
        {TINY: f"{_CUSTOM}pricing: {{input_mtok: 0.10, output_mtok: 0.40}}\n"},
        {TINY: f'{_CUSTOM}pricing: {{input_mtok: "0.10", output_mtok: "0.40"}}\n'},
    ),
    "bad-value": Lesson(
        "The value is of the right type, and not one of those that mean something here.",
        {TINY: f"{_CUSTOM}{_PRICED}timeouts: {{total: 5 minutes}}\n"},
        {TINY: f"{_CUSTOM}{_PRICED}timeouts: {{total: 5m}}\n"},
    ),
    "conflicting-keys": Lesson(
        "Two keys that contradict each other: one of them would never hold.",
        {TINY: f"{_CUSTOM}{_PRICED}defaults: {{temperature: 0.2}}\noverrides: {{temperature: 0}}\n"},
        {TINY: f"{_CUSTOM}{_PRICED}overrides: {{temperature: 0}}\n"},
    ),
    "unused-accept": Lesson(
        "A warning is accepted for a reason. When it no longer occurs, the reason is history and should go, before it "
        "hides the next one.",
        {TINY: f"{_CUSTOM}{_PRICED}accept: {{unpriced: billed by the hour}}\n"},
        _GOOD,
    ),
}
