"""Who sees what in the admin: every list, page, choice and filter holds only one's own tenants' rows.

Rights come from the role table (`roles`), never from Django's model permissions.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, ForeignKey, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from metabuilder.admin_site import ModelAdmin, SuperuserOnly, moment_column, signed_in
from tenants.models import ApiToken, Membership, Tenant
from tenants.roles import Capability
from tenants.scoping import is_able, tenants_where, visible_to

User = get_user_model()
LIMITS = ["max_running_runs", "max_queued_runs", "max_run_minutes"]


class ScopedAdmin(ModelAdmin):
    """Shows a person the rows of their tenants, read-only unless a subclass says otherwise.

    `tenant_path` leads from the model to its tenant, as a lookup.
    """

    tenant_path = "tenant"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible_to(super().get_queryset(request), request.user, self.tenant_path)

    def missing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer for a row that is not there, or not this person's, which is the same to them."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return answer

    def tenant_of(self, obj: Any) -> Tenant | None:
        for name in self.tenant_path.split("__"):
            obj = obj if name == "pk" else getattr(obj, name)
        return obj if isinstance(obj, Tenant) else None

    def may(self, request: HttpRequest, capability: Capability, obj: Any = None) -> bool:
        """Say whether this person has the capability: in the row's tenant, or, without one, in any."""
        if obj is not None:
            return is_able(request.user, self.tenant_of(obj), capability)
        return request.user.is_superuser or tenants_where(request.user, capability).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return self.has_module_permission(request)
        return self.may(request, Capability.VIEW, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: django-stubs and unfold disagree about the field
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ScopedAdmin):
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ScopedFilter(admin.RelatedFieldListFilter):
    """A filter by a related row that offers only rows this person may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        related = model_admin.admin_site._registry[field.remote_field.model]
        visible = related.get_queryset(request).values("pk")
        choices: list[tuple[str, Any]] = field.get_choices(include_blank=False, limit_choices_to={"pk__in": visible})
        return choices


@admin.register(Tenant)
class TenantAdmin(ScopedAdmin):
    tenant_path = "pk"
    list_display = ["name", "slug", "your_role", "people", "healing"]
    search_fields = ["name", "slug"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "protected_paths", "allow_network", "people", "healing", "created_at"]}),
        ("Limits and retention", {"fields": ["retention_days", "gate_expiry_hours", *LIMITS]}),
    ]

    def tenant_of(self, obj: Any) -> Tenant | None:
        return obj if isinstance(obj, Tenant) else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        mine = Membership.objects.filter(tenant=OuterRef("pk"), user=signed_in(request))
        role = "platform admin" if request.user.is_superuser else ""
        rows: QuerySet[Tenant] = super().get_queryset(request)
        return rows.annotate(
            own_role=Coalesce(Subquery(mine.values("role")[:1]), Value(role)),
            member_count=Count("memberships"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["people", "healing", "created_at"]
        return shown if request.user.is_superuser else [*shown, "slug", "allow_network", *LIMITS]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, Capability.ADMINISTER, obj)

    @admin.display(description="your role")
    def your_role(self, tenant: Tenant) -> str:
        return str(tenant.own_role)  # type: ignore[attr-defined]  # annotated above

    @admin.display(description="members")
    def people(self, tenant: Tenant) -> str:
        url = reverse("admin:tenants_membership_changelist")
        count = tenant.member_count  # type: ignore[attr-defined]  # annotated above
        return format_html('<a href="{}?tenant__id__exact={}">{} members</a>', url, tenant.pk, count)

    @admin.display(description="auto-fix")
    def healing(self, tenant: Tenant) -> str:
        url = reverse("admin:builder_autofix")
        return format_html('<a href="{}?tenant={}">Auto-Fix settings</a>', url, tenant.slug)


class NewMemberForm(forms.ModelForm):
    """Names the person instead of listing everybody who has an account on the platform."""

    username = forms.CharField(widget=UnfoldAdminTextInputWidget, help_text="The person's exact user name.")

    class Meta:
        model = Membership
        fields = ["tenant", "role"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        user = User.objects.filter(username=cleaned.get("username", ""), is_active=True).first()
        if user is None:
            raise ValidationError({"username": "There is no active account with this name."})
        if Membership.objects.filter(tenant=cleaned.get("tenant"), user=user).exists():
            raise ValidationError({"username": "This person is a member already."})
        self.instance.user = user
        return cleaned


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    list_display = ["user", "tenant", "role", moment_column("created_at", "since")]
    list_filter = [("tenant", ScopedFilter), "role"]
    search_fields = ["user__username"]
    list_select_related = ["user", "tenant"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewMemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant", "user" if obj else "username", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant", "user"] if obj else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: as in the class above
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "tenant" and not request.user.is_superuser:
            field.queryset = tenants_where(request.user, Capability.ADMINISTER)
        return field

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.may(request, Capability.ADMINISTER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, Capability.ADMINISTER, obj) and not self.is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def is_own(self, request: HttpRequest, obj: Any) -> bool:
        """Nobody changes their own role; so the last admin of a tenant cannot leave by mistake."""
        return obj is not None and obj.user_id == request.user.pk and not request.user.is_superuser


CREATED, EXPIRES = moment_column("created"), moment_column("expiry", "expires")
LAST_USED = moment_column("last_used_at", "last used")


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    """Tokens are shown once, when they are made; afterwards they can only be revoked."""

    list_display = ["name", "user", "tenant", "begins_with", CREATED, EXPIRES, LAST_USED]
    list_filter = [("tenant", ScopedFilter)]
    search_fields = ["name", "user__username"]
    list_select_related = ["user", "tenant"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        rows: QuerySet[ApiToken] = super(ScopedAdmin, self).get_queryset(request)
        if request.user.is_superuser:
            return rows
        administered = tenants_where(request.user, Capability.ADMINISTER)
        return rows.filter(Q(user=request.user) | Q(tenant__in=administered))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        used = ["user", "begins_with", "created", "expiry", "last_used_at"]
        return ["name", "tenant", *(used if obj else [])]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request) if obj is None else self.is_mine(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def is_mine(self, request: HttpRequest, token: ApiToken) -> bool:
        if token.user_id == request.user.pk:
            return True
        return self.may(request, Capability.ADMINISTER, token)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        made, secret = ApiToken.objects.create(user=request.user, name=obj.name, tenant=obj.tenant)
        obj.pk, obj.user, obj.expiry, obj.created = made.pk, made.user, made.expiry, made.created
        obj.secret = secret  # for response_add, never stored

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API token",
            "token": obj,
            "secret": obj.secret,
        }
        return TemplateResponse(request, "admin/tenants/apitoken/created.html", context)

    @admin.display(description="begins with")
    def begins_with(self, token: ApiToken) -> str:
        return f"{token.token_key}…"


admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(SuperuserOnly, StockUserAdmin, ModelAdmin):  # type: ignore[misc]  # `actions`: ours is None
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(SuperuserOnly, StockGroupAdmin, ModelAdmin):  # type: ignore[misc]  # as above
    pass
