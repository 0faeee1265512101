"""Device, Media 1 and events as Home Assistant's client uses them (onvif-zeep-async)."""

import asyncio
import datetime as dt
import json
import time

import zeep.exceptions
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError

from common import HOST, arguments, check, ffprobe, jpeg_size

PLATE_TOPIC = "tns1:RuleEngine/Recognition/LicensePlate"
NS = {"tt": "http://www.onvif.org/ver10/schema"}


def refused(error):
    return "password" in str(error) or "uthor" in str(error) or "401" in str(error)


async def device(camera, args):
    stranger = ONVIFCamera(HOST, args.http, None, None)
    service = await stranger.create_devicemgmt_service()
    now = (await service.authless_GetSystemDateAndTime()).UTCDateTime
    told = dt.datetime(now.Date.Year, now.Date.Month, now.Date.Day, now.Time.Hour, now.Time.Minute, now.Time.Second)
    off = abs((told - dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)).total_seconds())
    check("anybody is told the time", off < 120, told)
    try:
        found = await service.authless_GetDeviceInformation()
    except (zeep.exceptions.Error, ONVIFError) as error:
        found = None
        check("nothing else without credentials", refused(error), error)
    check("a stranger gets no device information", found is None, found)
    await stranger.close()

    wrong = ONVIFCamera(HOST, args.http, args.user, "Wrong-2026")
    service = await wrong.create_devicemgmt_service()
    try:
        found = await service.GetDeviceInformation()
    except (zeep.exceptions.Error, ONVIFError) as error:
        found = None
        check("a wrong password is refused", refused(error), error)
    check("a wrong password gets no device information", found is None, found)
    await wrong.close()

    service = await camera.create_devicemgmt_service()
    information = await service.GetDeviceInformation()
    check("device information", information.Manufacturer and information.Model and information.SerialNumber, information)
    scopes = [s.ScopeItem for s in await service.GetScopes()]
    for word in ("/type/", "/name/", "/hardware/"):
        check(f"a scope {word}", any(s.startswith("onvif://www.onvif.org" + word) for s in scopes), scopes)
    capabilities = await service.GetCapabilities({"Category": "All"})
    check("capabilities name media and events", capabilities.Media.XAddr and capabilities.Events.XAddr, capabilities)
    services = {s.Namespace: s.XAddr for s in await service.GetServices({"IncludeCapability": False})}
    for name in ("ver10/device", "ver10/media", "ver20/media", "ver10/events"):
        address = services.get(f"http://www.onvif.org/{name}/wsdl", "")
        check(f"{name} at the address that the client used", address.startswith(f"http://{HOST}:{args.http}/"), services)


async def media(camera, args):
    service = await camera.create_media_service()
    profiles = await service.GetProfiles()
    check("two profiles", [p.token for p in profiles] == ["profile_main", "profile_sub"], profiles)
    for profile in profiles:
        encoder = profile.VideoEncoderConfiguration
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        uri = (await service.GetStreamUri({"StreamSetup": setup, "ProfileToken": profile.token})).Uri
        video = ffprobe(uri, args.user, args.password)
        told = (encoder.Resolution.Width, encoder.Resolution.Height)
        check(f"{profile.token} plays as {encoder.Encoding} {told}", (video["width"], video["height"]) == told, video)
        check(f"{profile.token} is {encoder.Encoding}", video["codec_name"] == encoder.Encoding.lower(), video)
        picture = await camera.get_snapshot(profile.token)
        check(f"snapshot of {profile.token}", jpeg_size(picture) == told, jpeg_size(picture))
    sources = await service.GetVideoSources()
    check("the video source's size", sources[0].Resolution.Width == 1920, sources)


def simple(message, name):
    return next((i.Value for i in message.Data.SimpleItem if i.Name == name), None)


def plate(message):
    """Plate number, direction and the rest of one plate message."""
    item = next((i for i in message.Data.ElementItem if i.Name == "LicensePlateInfo"), None)
    check("a plate message has a LicensePlateInfo", item is not None, message)
    # The client's own contracts are older than the element: it comes as plain XML.
    number = item._value_1.find("tt:PlateNumber", NS)  # pylint: disable=protected-access
    check("its PlateNumber has a likelihood", 0 < float(number.get("Likelihood")) <= 1, number.attrib)
    return {
        "plate": number.text,
        "direction": (simple(message, "Direction") or "").lower(),
        "picture": simple(message, "ImageURI"),
        "vehicle": simple(message, "VehicleImageURI"),
        "likelihood": float(simple(message, "Likelihood")),
    }


async def events(camera, args):
    truth = {p["plate"]: p["direction"] for p in json.load(open(args.truth, encoding="utf-8"))["passes"]}
    service = await camera.create_events_service()
    properties = await service.GetEventProperties()
    check("a fixed topic set", properties.FixedTopicSet is True, properties)
    manager = await camera.create_pullpoint_manager(dt.timedelta(seconds=120), lambda: None)
    pull_point = manager.get_service()
    await pull_point.SetSynchronizationPoint()
    subscription = await camera.create_subscription_service("PullPointSubscription")
    until = await subscription.Renew("PT300S")
    check("renewed", until.TerminationTime > until.CurrentTime, until)

    seen, properties, end = [], set(), time.monotonic() + args.patience
    while len({p["plate"] for p in seen} & truth.keys()) < args.plates:
        check(f"waiting for plates of the clip, {len(seen)} so far", time.monotonic() < end, seen)
        answer = await pull_point.PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 20})
        for message in answer.NotificationMessage:
            topic, content = message.Topic._value_1, message.Message._value_1
            if content.PropertyOperation == "Initialized":
                properties.add(topic)
            if topic == PLATE_TOPIC:
                seen.append(plate(content))
                print(f"  event: {seen[-1]}", flush=True)
    check("initial property states", {"tns1:VideoSource/SignalLoss", "tns1:RuleEngine/MyRuleDetector/VehicleDetect"} <= properties, properties)
    wrong = [p["plate"] for p in seen if p["plate"] not in truth]
    check("at most one wrong text", len(wrong) <= 1, wrong)
    check("no pass is told twice", len({p["plate"] for p in seen}) == len(seen), seen)
    for p in seen:
        if p["plate"] in truth:
            check(f"{p['plate']} is {truth[p['plate']]}", p["direction"] == truth[p["plate"]], p)
    for kind in ("picture", "vehicle"):
        camera._snapshot_uris[kind] = seen[0][kind]  # pylint: disable=protected-access
        size = jpeg_size(await camera.get_snapshot(kind))
        check(f"the {kind} of an event is at its address {size}", size[0] > size[1] > 10, size)
    await subscription.Unsubscribe()
    try:
        await pull_point.PullMessages({"Timeout": dt.timedelta(seconds=1), "MessageLimit": 1})
        check("nothing to pull after Unsubscribe", False)
    except (zeep.exceptions.Error, ONVIFError) as error:
        check("a pull point is gone after Unsubscribe", True, error)


async def main():
    args = arguments(
        truth={"required": True},
        plates={"type": int, "default": 3, "help": "plates of the clip to wait for"},
        patience={"type": int, "default": 180, "help": "seconds"},
    )
    camera = ONVIFCamera(HOST, args.http, args.user, args.password)
    await camera.update_xaddrs()
    await device(camera, args)
    await media(camera, args)
    await events(camera, args)
    await camera.close()


asyncio.run(main())
