from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleConfig(SimpleAdminConfig):
    """The admin, whose pages are looked for where the addresses are (`urls`): workers need none of them."""

    default_site = "metabuilder.admin_site.ConsoleSite"
