"""The page of one delivery: what it says, each try with the receiver's answer, and sending it again."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.jobs.operations import Caller
from jobs.models import Job
from notifications import switch
from notifications.admin import frame
from notifications.admin.channels import states
from notifications.admin.deliveries import list_page
from notifications.channels import examples, trials
from notifications.models import Delivery
from notifications.rules.kinds import ABOUT, ChannelKind, Kind
from notifications.sending import redelivery
from notifications.sending.redelivery import NothingToSendAgain
from scheduler_project.lib import sql


def respond(site: AdminSite, request: HttpRequest, sending_id: int) -> HttpResponse:
    list_page.require(request)
    delivery = _find(request, sending_id)
    channel = delivery.channel
    said = trials.shown(ChannelKind(channel.kind), examples.of_delivery(delivery, channel), channel.config)
    is_open = access.may(request.user, Scope.SCHEDULER_WRITE, delivery.tenant_id)
    job = (delivery.facts.get("job") or {}).get("id")
    kind = delivery.facts.get("kind")
    context = {
        **frame.context(site, request, "Deliveries", title=f"Delivery {delivery.pk}"),
        "parent": True,
        "delivery": delivery,
        "said": said,
        "chip": states.delivery_chip(delivery.status),
        "about": ABOUT[Kind(kind)].label if kind in set(Kind) else delivery.type,
        "tries": [{**one, "at": _instant(one["at"])} for one in reversed(delivery.log)],
        "job": access.visible(Job.objects.filter(pk=job), request.user).first() if job else None,
        "is_open": is_open,
        "waits": delivery.next_try_at is not None,
        "now": sql.now(),
    }
    return TemplateResponse(request, "notifications/deliveries/page.html", context)


def again(site: AdminSite, request: HttpRequest, sending_id: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    delivery = _find(request, sending_id)
    if not access.may(request.user, Scope.SCHEDULER_WRITE, delivery.tenant_id):
        raise PermissionDenied("Your role does not allow you to send it again.")
    try:
        redelivery.redeliver(delivery.pk, actor=Caller.of(request).actor)
    except NothingToSendAgain as error:
        messages.error(request, str(error))
    else:
        messages.success(request, switch.refusal() or "It is sent again within a second or two.")
    return HttpResponseRedirect(reverse("admin:notification_delivery", args=[delivery.pk]))


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _find(request: HttpRequest, sending_id: int) -> Delivery:
    rows = Delivery.objects.select_related("channel", "tenant", "rule")
    found: Delivery | None = access.visible(rows, request.user).filter(pk=sending_id).first()
    if found is None:
        raise Http404(f"There is no delivery {sending_id}.")
    return found
