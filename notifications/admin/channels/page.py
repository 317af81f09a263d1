"""The page of one channel: its form, a preview of its words, the test that shows the real answer, its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from accounts.sealing import CannotOpen, KeysUnavailable
from jobs.admin.jobs.operations import Caller
from jobs.admin.webhooks import secret_page
from notifications.admin import frame
from notifications.admin.channels import states
from notifications.admin.channels.form import ChannelForm
from notifications.channels import changes, examples, registry, showing, trials
from notifications.channels.base import ChannelType
from notifications.channels.calling import Tried
from notifications.channels.changes import ChannelChanged, NothingToRotate, TooManyChannels
from notifications.channels.message import OF_ONE_JOB, PLACEHOLDERS
from notifications.channels.pace import MinuteIsSpent
from notifications.channels.reader import InvalidChannel
from notifications.channels.trials import NotificationsDisabled
from notifications.models import Channel, Delivery
from notifications.rules.answers import Came
from notifications.rules.kinds import ChannelKind, Kind
from scheduler_project.lib import sql

SHOWN = 10  # deliveries


def new(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """First which kind, then its form."""
    tenants = access.tenants(request.user, Scope.SCHEDULER_WRITE).order_by("name", "pk")
    if not tenants.exists():
        raise PermissionDenied("Your role does not allow you to create channels.")
    kind = _kind(request.GET.get("kind", ""))
    if kind is None:
        context = {
            **frame.context(site, request, "Channels", title="New channel"),
            "parent": True,
            "kinds": registry.all_types(),
        }
        return TemplateResponse(request, "notifications/channels/kinds.html", context)
    form = ChannelForm(request.POST or None, kind=kind, channel=None, tenants=tenants)
    if request.method == "POST" and form.is_valid():
        tenant: Tenant = form.cleaned_data.get("tenant") or tenants[0]
        made = _done(form, lambda: changes.create(form.to_data(), tenant=tenant, actor=_actor(request)))
        if made is not None:
            channel, secret = made
            messages.success(request, f"Created {channel.name}. Send a test to see that it arrives.")
            return _show_secret(site, request, channel, secret) if secret else _to(channel)
    return _page(site, request, form, None)


def change(site: AdminSite, request: HttpRequest, channel_id: int) -> HttpResponse:
    channel = _find(request, channel_id)
    if request.method != "POST":
        return _page(site, request, ChannelForm(None, kind=_type(channel), channel=channel), channel)
    _require(request, channel, "change it")
    form = ChannelForm(request.POST, kind=_type(channel), channel=channel)
    if form.is_valid() and _done(form, lambda: _change(request, form, channel)):
        messages.success(request, "Changed. What waits goes out as it is now.")
        return _to(channel)
    return _page(site, request, form, channel)


def preview(site: AdminSite, request: HttpRequest, kind: str) -> HttpResponse:
    """The words of the form as they would be sent. Posted, so that they stay out of addresses and logs."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    known = _kind(kind)
    if known is None or not access.may_anywhere(request.user, Scope.SCHEDULER_WRITE):
        raise PermissionDenied("Only who may change channels can try words for them.")
    context = _preview(known, _example_tenant(request), request.POST)
    return TemplateResponse(request, "notifications/channels/preview.html", context)


def test(site: AdminSite, request: HttpRequest, channel_id: int) -> HttpResponse:
    """Shows the real answer."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    channel = _find(request, channel_id)
    _require(request, channel, "test it")
    to = getattr(request.user, "email", "")
    tried, refused = None, ""
    try:
        tried = trials.send_test(channel, actor=_actor(request), to=to)
    except MinuteIsSpent as error:
        refused = f"{error} Try again in {error.wait} s."
    except (CannotOpen, KeysUnavailable, NotificationsDisabled) as error:
        refused = str(error)
    form = ChannelForm(None, kind=_type(channel), channel=channel)
    return _page(site, request, form, channel, tried=tried, refused=refused)


def rotate(site: AdminSite, request: HttpRequest, channel_id: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    channel = _find(request, channel_id)
    _require(request, channel, "rotate its secret")
    try:
        changed, secret = changes.rotate(channel.pk, actor=_actor(request), overlap=secret_page.overlap(request))
    except (CannotOpen, KeysUnavailable, NothingToRotate) as error:
        messages.error(request, str(error))
        return _to(channel)
    return _show_secret(site, request, changed, secret)


def remove(site: AdminSite, request: HttpRequest, channel_id: int) -> HttpResponse:
    """Asks before it is done."""
    channel = _find(request, channel_id)
    _require(request, channel, "remove it")
    if request.method == "POST":
        changes.delete(channel.pk, actor=_actor(request))
        messages.success(request, f"Removed {channel.name}.")
        return HttpResponseRedirect(reverse("admin:notification_channels"))
    context = {
        **frame.context(site, request, "Channels", title=f"Remove {channel.name}?"),
        "parent": {"url": channel_url(channel.pk), "label": channel.name},
        "channel": channel,
        "rules": channel.rules.order_by("name", "pk"),
        "waiting": Delivery.objects.filter(channel=channel, next_try_at__isnull=False).count(),
    }
    return TemplateResponse(request, "notifications/channels/remove.html", context)


def channel_url(channel_id: int) -> str:
    return reverse("admin:notification_channel", args=[channel_id])


def _page(
    site: AdminSite,
    request: HttpRequest,
    form: ChannelForm,
    channel: Channel | None,
    *,
    tried: Tried | None = None,
    refused: str = "",
) -> HttpResponse:
    now = sql.now()
    is_open = channel is None or access.may(request.user, Scope.SCHEDULER_WRITE, channel.tenant_id)
    newest = Delivery.objects.filter(channel=channel).order_by("-id")[:SHOWN] if channel else ()
    context = {
        **frame.context(
            site, request, "Channels", title=channel.name if channel else f"New channel: {form.kind.label}"
        ),
        **_preview(form.kind, channel.tenant.slug if channel else _example_tenant(request), _words(form)),
        "parent": True,
        "channel": channel,
        "kind": form.kind,
        "form": form,
        "is_open": is_open,
        "errors": secret_page.summary(form) if form.is_bound else [],
        "state": states.state_of(channel, now) if channel else None,
        "shown": _shown(form.kind, channel) if channel and not is_open else [],
        "facts": _facts(form.kind, channel) if channel else [],
        "placeholders": PLACEHOLDERS.items(),
        "of_one_job": [name for name in PLACEHOLDERS if name in OF_ONE_JOB],
        "rules": channel.rules.order_by("name", "pk") if channel else [],
        "deliveries": [(one, states.delivery_chip(one.status)) for one in newest],
        "tried": tried.to_json() if tried else None,
        "is_taken": tried is not None and tried.answer.came is Came.TAKEN,
        "tried_in_words": tried.answer.in_words if tried else "",
        "refused": refused,
        "asks_address": form.kind.kind is ChannelKind.EMAIL and channel is not None and not channel.config.get("to"),
    }
    return TemplateResponse(request, "notifications/channels/page.html", context)


def _preview(kind: ChannelType, tenant: str, words: Any) -> dict[str, Any]:
    asked = str(words.get("about", ""))
    about = asked if asked in examples.LABELS else Kind.FAILED.value
    title, body = (str(words.get(name) or "") for name in ("title_text", "body_text"))
    context: dict[str, Any] = {"about": about, "abouts": examples.LABELS.items()}
    try:
        found = trials.preview(kind.kind, tenant=tenant, title_text=title, body_text=body, about=about)
    except InvalidChannel as error:
        return {**context, "preview_problems": [text for texts in error.fields.values() for text in texts]}
    return {**context, "preview": found}


def _example_tenant(request: HttpRequest) -> str:
    first = access.tenants(request.user).order_by("pk").first()
    return first.slug if first else ""


def _words(form: ChannelForm) -> dict[str, Any]:
    return {name: form[name].value() for name in ("title_text", "body_text")}


def _shown(kind: ChannelType, channel: Channel) -> list[tuple[str, Any]]:
    """For those who may not change it."""
    config = showing.config_of(channel, may_write=False)
    return [(one.label, config.get(one.name)) for one in kind.fields if not one.is_secret]


def _facts(kind: ChannelType, channel: Channel) -> list[tuple[str, str]]:
    """What is known of its secrets, such as the host that they lead to."""
    names = {one.name for one in kind.fields}
    return [(name.capitalize(), str(value)) for name, value in channel.config.items() if name not in names]


def _change(request: HttpRequest, form: ChannelForm, channel: Channel) -> Channel:
    return changes.change(channel.pk, form.to_data(), actor=_actor(request), expected_updated_at=form.seen())


def _done(form: ChannelForm, change: Callable[[], Any]) -> Any:
    """What the change returned; None when it was refused, which the form says then."""
    try:
        return change()
    except InvalidChannel as error:
        form.take(error.fields)
    except (CannotOpen, ChannelChanged, KeysUnavailable, TooManyChannels) as error:
        form.add_error(None, str(error))
    return None


def _show_secret(site: AdminSite, request: HttpRequest, channel: Channel, secret: str) -> HttpResponse:
    context = {**site.each_context(request), "opts": Channel._meta, "list_url": "admin:notification_channels"}
    return secret_page.respond(request, context, name=channel.name, secret=secret, back=channel_url(channel.pk))


def _find(request: HttpRequest, channel_id: int) -> Channel:
    channel: Channel | None = (
        access.visible(Channel.objects.select_related("tenant"), request.user).filter(pk=channel_id).first()
    )
    if channel is None:
        raise Http404(f"There is no channel {channel_id}.")
    return channel


def _require(request: HttpRequest, channel: Channel, verb: str) -> None:
    if not access.may(request.user, Scope.SCHEDULER_WRITE, channel.tenant_id):
        raise PermissionDenied(f"Your role does not allow you to {verb}.")


def _kind(word: str) -> ChannelType | None:
    return registry.type_of(word) if word in set(ChannelKind) else None


def _type(channel: Channel) -> ChannelType:
    return registry.type_of(channel.kind)


def _to(channel: Channel) -> HttpResponse:
    return HttpResponseRedirect(channel_url(channel.pk))


def _actor(request: HttpRequest) -> str:
    return Caller.of(request).actor
