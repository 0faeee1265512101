"""Media 2, live changes and discovery with a second client (onvif-python), over HTTP Digest."""

import json
import time
from urllib.request import HTTPCookieProcessor, Request, build_opener

from onvif import ONVIFClient, ONVIFDiscovery
from onvif.utils.exceptions import ONVIFOperationException

from common import HOST, PATIENCE_S, arguments, check, ffprobe


def web_setting(args, key):
    """What the web pages show of a section."""
    opener = build_opener(HTTPCookieProcessor())
    base = f"http://{HOST}:{args.http}/api/v1"
    login = json.dumps({"username": args.user, "password": args.password}).encode()
    opener.open(Request(f"{base}/session", login, {"Content-Type": "application/json"}))
    return json.load(opener.open(f"{base}/settings/{key}"))["value"]


def media2(client, args):
    service = client.media2()
    profiles = {p.token: p for p in service.GetProfiles(Type=["All"])}
    check("two profiles", sorted(profiles) == ["profile_main", "profile_sub"], profiles)
    uri = service.GetStreamUri(Protocol="RTSP", ProfileToken="profile_sub")
    uri = uri if isinstance(uri, str) else uri.Uri
    before = ffprobe(uri, args.user, args.password)

    configurations = service.GetVideoEncoderConfigurations(ConfigurationToken="encoder_sub")
    configuration = configurations[0]
    told = (configuration.Resolution.Width, configuration.Resolution.Height)
    check(f"the sub stream is {told}", (before["width"], before["height"]) == told, before)
    options = service.GetVideoEncoderConfigurationOptions(ConfigurationToken="encoder_sub")
    sizes = {(r.Width, r.Height) for o in options for r in o.ResolutionsAvailable}
    check("another size is offered", (352, 288) in sizes, sizes)

    configuration.Resolution.Width, configuration.Resolution.Height = 352, 288
    service.SetVideoEncoderConfiguration(Configuration=configuration)
    end = time.monotonic() + PATIENCE_S
    while (found := ffprobe(uri, args.user, args.password))["width"] != 352:
        if time.monotonic() > end:
            check("the stream changes live", False, found)
    check("the stream changes live", found["height"] == 288, found)
    check("the web pages show it", web_setting(args, "video.sub")["resolution"] == "352x288")

    configuration.Resolution.Width = 5000
    try:
        service.SetVideoEncoderConfiguration(Configuration=configuration)
        check("a size that is not offered is refused", False)
    except ONVIFOperationException as error:
        check("a size that is not offered is refused", "5000" in str(error) or "Arg" in str(error), error)
    check("and changes nothing", web_setting(args, "video.sub")["resolution"] == "352x288")


def discovery(args):
    """The client's own probe: multicast on the default route, on loopback, and unicast to loopback."""
    found = []
    for interface, address in ((None, "239.255.255.250"), (HOST, "239.255.255.250"), (HOST, HOST)):
        probe = ONVIFDiscovery(timeout=3, interface=interface)
        probe.WS_DISCOVERY_ADDRESS_IPV4 = address
        devices = probe.discover()
        found += devices
        for device in devices:
            if any(f":{args.http}/" in x for x in device["xaddrs"]):
                check(f"found by a probe to {address} from {interface or 'the default interface'}", True)
                check("its scopes", any("onvif.org/name/" in s for s in device["scopes"]), device)
                return
    check("the device is found by WS-Discovery", False, found)


def main():
    args = arguments()
    client = ONVIFClient(HOST, args.http, args.user, args.password, http_digest=True, timeout=PATIENCE_S)
    information = client.devicemgmt().GetDeviceInformation()
    check("device information over HTTP Digest", information.SerialNumber, information)
    try:
        ONVIFClient(HOST, args.http, args.user, "Wrong-2026", http_digest=True).devicemgmt().GetDeviceInformation()
        check("a wrong password is refused", False)
    except ONVIFOperationException as error:
        check("a wrong password is refused", "401" in str(error) or "uthor" in str(error), error)
    media2(client, args)
    discovery(args)


main()
