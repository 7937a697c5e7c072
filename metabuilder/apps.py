from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "metabuilder.admin_site.ConsoleSite"
