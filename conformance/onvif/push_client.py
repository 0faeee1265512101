"""Base notification as Home Assistant's client uses it: a webhook that the camera pushes to (onvif-zeep-async)."""

import asyncio
import datetime as dt

from aiohttp import web
from onvif import ONVIFCamera

from common import HOST, arguments, check

MOTION = "tns1:VideoSource/MotionAlarm"


async def consumer():
    """A web server on a free port; its address and what is posted there."""
    posted = asyncio.Queue()

    async def notify(request):
        await posted.put((request.headers.get("Content-Type", ""), await request.read()))
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/hook", notify)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # pylint: disable=protected-access
    return runner, f"http://{HOST}:{port}/hook", posted


async def main():
    args = arguments(patience={"type": int, "default": 180, "help": "seconds"})
    runner, address, posted = await consumer()
    camera = ONVIFCamera(HOST, args.http, args.user, args.password)
    await camera.update_xaddrs()
    manager = await camera.create_notification_manager(address, dt.timedelta(seconds=60), lambda: None)
    states, changed = {}, False
    end = asyncio.get_running_loop().time() + args.patience
    while MOTION not in states or not changed:
        left = end - asyncio.get_running_loop().time()
        content_type, body = await asyncio.wait_for(posted.get(), left)
        check("SOAP 1.2 is posted", content_type.startswith("application/soap+xml"), content_type)
        result = manager.process(body)
        check("the client understands the message", result is not None and result.NotificationMessage, body)
        for message in result.NotificationMessage:
            topic, content = message.Topic._value_1, message.Message._value_1
            if content.PropertyOperation == "Initialized":
                states[topic] = content.Data.SimpleItem[0].Value
            if content.PropertyOperation == "Changed":
                changed = True
                print(f"  changed: {topic} {content.Data.SimpleItem[0].Value}", flush=True)
    check("states first", MOTION in states and "tns1:VideoSource/SignalLoss" in states, states)
    await manager.stop()
    await camera.close()
    await runner.cleanup()


asyncio.run(main())
