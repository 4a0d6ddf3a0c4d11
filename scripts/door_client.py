"""A public client of intercoms, unmodified, with dird in the place of a device: connects, then works with the directory."""

import asyncio
import sys
import uuid

import aiohttp
from py2n import Py2NConnectionData, Py2NDevice
from py2n.utils import api_request, get_dir_template, query_dir, update_dir


async def work(host, auth):
    options = Py2NConnectionData(
        host, "door", "door", auth_method=auth, protocol="https", unprivileged=True
    )
    async with aiohttp.ClientSession() as session:
        device = await Py2NDevice.create(session, options)
        assert device.data.model == "dird", device.data
        assert device.data.name == "suppliers", device.data
        assert device.data.log_caps == [], device.data
        [template] = await get_dir_template(session, options)
        assert template["access"]["code"] == ["", "", "", ""], template
        number = str(uuid.uuid4()).upper()
        entry = {**template, "uuid": number, "name": "Door Station", "virtNumber": "12"}
        made = await api_request(
            session, options, "/dir/create", method="PUT", json={"users": [entry]}
        )
        [first] = made["users"]
        assert first["uuid"] == number, made
        [changed] = await update_dir(
            session, options, [{"uuid": number, "access": {"pin": 2580}, "callPos": [{"peer": "77"}]}]
        )
        assert changed["timestamp"] == first["timestamp"] + 1, changed
        since = {"iterator": {"timestamp": first["timestamp"]}, "fields": ["name", "callPos[0].peer"]}
        [found] = await query_dir(session, options, since)
        assert found["name"] == "Door Station" and found["callPos"][0] == {"peer": "77"}, found
        whole = await query_dir(session, options, {})
        assert len(whole) > 50, len(whole)
        got = await api_request(
            session, options, "/dir/get", method="POST", json={"users": [{"uuid": number}]}
        )
        assert got["users"][0]["virtNumber"] == "12", got
        gone = await api_request(
            session, options, "/dir/delete", method="PUT", json={"users": [{"uuid": number}]}
        )
        assert gone["users"][0]["timestamp"] == changed["timestamp"] + 1, gone
        await asyncio.gather(*(query_dir(session, options, since) for _ in range(10)))


asyncio.run(work(sys.argv[1], sys.argv[2]))
print(f"py2n works with {sys.argv[2]}")
