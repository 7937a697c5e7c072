"""What the admin's frame shows: sidebar, banner, style sheet, search. Plain data for unfold.

Settings import this, so it names what it calls by dotted path and imports no app.
"""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def style_sheet(request: HttpRequest) -> str:
    return static("metabuilder/app.css")


def script(request: HttpRequest) -> str:
    return static("metabuilder/app.js")


def icon(request: HttpRequest) -> str:
    return static("metabuilder/icon.svg")


def is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser


def is_builder(request: HttpRequest) -> bool:
    return "/settings/builder/" in request.path


def link(title: str, icon_name: str, route: str, **more: Any) -> dict[str, Any]:  # Any: unfold's
    return {"title": title, "icon": icon_name, "link": reverse_lazy(f"admin:{route}"), **more}


SIDEBAR = [
    {
        "items": [
            link("Home", "home", "index"),
            link("Runs", "play_circle", "runs_run_changelist"),
            link(
                "Approvals",
                "approval",
                "approvals_gate_changelist",
                badge="autofix.home.pending_badge",
                badge_variant="warning",
            ),
            link("Tenants", "apartment", "tenants_tenant_changelist"),
            link("API tokens", "key", "tenants_apitoken_changelist"),
        ]
    },
    {
        "title": "Settings",
        "separator": True,
        "items": [
            link("Builder", "tune", "builder_autofix", active=is_builder),
            link("Own rules", "rule", "autofix_tenantrule_changelist"),
            link("Models", "smart_toy", "autofix_modelendpoint_changelist"),
            link("Known fixes", "lightbulb", "autofix_knownfix_changelist"),
            link("Corrections", "rate_review", "autofix_correction_changelist"),
        ],
    },
    {
        "title": "Operations",
        "separator": True,
        "items": [
            link("Model calls", "forum", "autofix_modelcall_changelist"),
            link("Circuits", "electrical_services", "autofix_circuit_changelist"),
            link("Users", "person", "auth_user_changelist", permission=is_superuser),
            link("Groups", "group", "auth_group_changelist", permission=is_superuser),
            link("Queue", "stacks", "django_q_ormq_changelist", permission=is_superuser),
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Meta-Builder",
    "SITE_HEADER": "Meta-Builder v3",
    "SITE_SUBHEADER": "Self-healing builds",
    "SITE_URL": "/admin/",
    "SITE_SYMBOL": "healing",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [style_sheet],
    "SCRIPTS": [script],
    "GLOBAL_CALLBACK": "autofix.home.frame",
    "DASHBOARD_CALLBACK": "autofix.home.dashboard",
    "COMMAND": {"search_models": ["runs.run", "approvals.gate", "runs.project"]},
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": SIDEBAR,
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .014 235)",
            "100": "oklch(95% .026 236)",
            "200": "oklch(90% .058 232)",
            "300": "oklch(82.8% .111 232)",
            "400": "oklch(74.6% .14 234)",
            "500": "oklch(65% .16 240)",
            "600": "oklch(52% .145 244)",
            "700": "oklch(46% .125 245)",
            "800": "oklch(40% .105 245)",
            "900": "oklch(35% .09 246)",
            "950": "oklch(27% .07 247)",
        }
    },
}
