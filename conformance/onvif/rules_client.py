"""The capture area, changed over the analytics service as a VMS does it (onvif-zeep-async): plates stop, and come again."""

import asyncio
import datetime as dt
import time

from lxml import etree
from onvif import ONVIFCamera
from onvif.definition import SERVICES

from common import HOST, arguments, check

TT = "http://www.onvif.org/ver10/schema"
PLATE_TOPIC = "tns1:RuleEngine/Recognition/LicensePlate"
CHANGED_TOPIC = "tns1:Media/ConfigurationChanged"
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
# No plate of the clip comes here.
CORNER = [(-1.0, -0.95), (-1.0, -1.0), (-0.95, -1.0), (-0.95, -0.95)]
# A read that began before the change may be told after it.
UNDER_WAY = dt.timedelta(seconds=3)


def polygon(corners):
    made = etree.Element(f"{{{TT}}}Polygon", nsmap={"tt": TT})
    for x, y in corners:
        etree.SubElement(made, f"{{{TT}}}Point", x=str(x), y=str(y))
    return made


def region(rule):
    """The corners of a rule's region."""
    item = next(i for i in rule.Parameters.ElementItem if i.Name == "Region")
    points = item._value_1  # pylint: disable=protected-access
    points = points.iter(f"{{{TT}}}Point") if isinstance(points, etree._Element) else points.Point  # pylint: disable=protected-access
    number = lambda p, side: float(p.get(side) if hasattr(p, "get") else getattr(p, side))
    return [(number(p, "x"), number(p, "y")) for p in points]


def plate_rule(rules):
    of = [r for r in rules if str(r.Type).endswith("LicensePlateRecognition")]
    check("one rule reads plates", len(of) == 1, rules)
    return of[0]


class Events:
    """A pull point for plates and changed configurations."""

    def __init__(self, service):
        self.service = service

    async def pull(self, seconds):
        """Topic, time and source of what comes until then."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            timeout = dt.timedelta(seconds=min(5, max(1, int(left))))
            answer = await self.service.PullMessages({"Timeout": timeout, "MessageLimit": 20})
            for message in answer.NotificationMessage:
                content = message.Message._value_1  # pylint: disable=protected-access
                source = {i.Name: i.Value for i in content.Source.SimpleItem} if content.Source else {}
                yield message.Topic._value_1, content.UtcTime, source  # pylint: disable=protected-access

    async def first(self, topic, seconds, since=None):
        async for told, at, source in self.pull(seconds):
            if told == topic and (since is None or at > since):
                return source
        return None


async def set_region(analytics, rule, corners):
    changed = {
        "Name": rule.Name,
        "Type": etree.QName(TT, "LicensePlateRecognition"),
        "Parameters": {"ElementItem": [{"Name": "Region", "_value_1": polygon(corners)}]},
    }
    await analytics.ModifyRules({"ConfigurationToken": "analytics_1", "Rule": [changed]})
    at = dt.datetime.now(dt.timezone.utc)
    read = plate_rule(await analytics.GetRules({"ConfigurationToken": "analytics_1"}))
    check("the region reads back", region(read) == corners, region(read))
    return at


async def main():
    args = arguments(quiet={"type": int, "required": True, "help": "seconds of one round of the clip"})
    camera = ONVIFCamera(HOST, args.http, args.user, args.password)
    await camera.update_xaddrs()
    # The client knows one port type of each service.
    SERVICES["analytics"]["binding"] = "RuleEngineBinding"
    analytics = await camera.create_analytics_service()
    media = await camera.create_media_service()
    configuration = (await media.GetVideoAnalyticsConfigurations())[0]
    check("the configuration is analytics_1", configuration.token == "analytics_1", configuration)
    rule = plate_rule(await analytics.GetRules({"ConfigurationToken": configuration.token}))
    listed = plate_rule(configuration.RuleEngineConfiguration.Rule)
    check("media lists the same rule", (listed.Name, region(listed)) == (rule.Name, region(rule)), listed)
    whole = region(rule)

    manager = await camera.create_pullpoint_manager(dt.timedelta(seconds=600), lambda: None)
    events = Events(manager.get_service())
    source = await events.first(PLATE_TOPIC, args.quiet * 2)
    check("a plate is told, by this rule", source and source["Rule"] == rule.Name, source)

    at = await set_region(analytics, rule, CORNER)
    source = await events.first(CHANGED_TOPIC, 10)
    check("the change is told", source and source["Token"] == "analytics_1", source)
    late = await events.first(PLATE_TOPIC, args.quiet, at + UNDER_WAY)
    check(f"no plate in {args.quiet} s", late is None, late)

    at = await set_region(analytics, rule, whole)
    source = await events.first(PLATE_TOPIC, args.quiet * 2, at)
    check("plates come again", source and source["Rule"] == rule.Name, source)
    await camera.close()


asyncio.run(main())
