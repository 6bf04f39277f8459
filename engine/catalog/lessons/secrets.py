"""Lessons about secrets, and about where calls may go."""

from engine.catalog.lessons.lesson import Lesson

LOCAL = "providers/local.yaml"
_SERVER = "api: vllm\nbase_url: http://127.0.0.1:8000/v1\n"

LESSONS = {
    "literal-secret": Lesson(
        "Git keeps what was committed for ever, in every clone. Replace the secret at its maker first; then bind the "
        "new one by name in the operator's file.",
        {LOCAL: f"{_SERVER}headers: {{X-Note: sk-EXAMPLEexampleEXAMPLE00}}\n"},
        {LOCAL: f"{_SERVER}credential: local\n"},
    ),
    "possible-secret": Lesson(
        "A long random word in a header, a URL or a description is most likely a key of somebody's.",
        {LOCAL: f"{_SERVER}headers: {{X-Route: Zq81Lw7Rt5Xc2Vb9Nm4Kp6Hg3Jd0}}\n"},
        {LOCAL: f"{_SERVER}headers: {{X-Route: support-eu}}\n"},
    ),
    "literal-variable": Lesson(
        "Nothing in a catalog is expanded, so that a catalog can neither read the environment nor depend on it. The "
        "upstream would be sent the dollar sign and all.",
        {LOCAL: _SERVER + 'headers: {X-Region: "${REGION}"}\n'},
        {LOCAL: f"{_SERVER}headers: {{X-Region: eu-west}}\n"},
    ),
    "bad-header": Lesson(
        "Whoever may write a catalog does not decide how the gateway authenticates. Credentials are bound by the "
        "operator, and headers of the connection belong to the gateway.",
        {LOCAL: f"{_SERVER}headers: {{Authorization: Bearer me}}\n"},
        {LOCAL: f"{_SERVER}credential: local\n"},
    ),
    "bad-base-url": Lesson(
        "A secret is only ever sent to its bound origin, so an origin has one spelling: a plain http or https URL "
        "without a user, query or fragment.",
        {LOCAL: "api: vllm\nbase_url: http://127.1:8000/v1?key=1\n"},
        {LOCAL: _SERVER},
    ),
}
