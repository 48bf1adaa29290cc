"""An MTProxy that nobody here wrote (PyPI's mtprotoproxy), before data centres on this machine.

    mtproxy.py PORT SECRET DOMAIN DC_PORT...

The DC_PORTs are those of data centres 1, 2, 3 and so on, on 127.0.0.1; 0 where there is none. An empty DOMAIN: plain and
padded lines are taken, otherwise those that look like TLS alone. Its own main() asks the internet who it is and does not
run on a Python of today, so the server is started here; whatever speaks to clients and to Telegram is its own.
"""

import asyncio
import importlib.machinery
import importlib.util
import pathlib
import sys

port, secret, domain, *dc_ports = sys.argv[1:]
sys.argv = [sys.argv[0], port, secret]

# The package is a program and no module.
program = str(pathlib.Path(sys.executable).parent / "mtprotoproxy")
loader = importlib.machinery.SourceFileLoader("mtprotoproxy", program)
mtprotoproxy = importlib.util.module_from_spec(importlib.util.spec_from_loader("mtprotoproxy", loader))
sys.modules["mtprotoproxy"] = mtprotoproxy
loader.exec_module(mtprotoproxy)

mtprotoproxy.init_config()
config = mtprotoproxy.config
config.PREFER_IPV6 = False
config.MASK = False
config.SECURE_ONLY = False
config.TLS_ONLY = bool(domain)
mtprotoproxy.init_stats()
mtprotoproxy.TG_DATACENTERS_V4 = [f"dc:{dc_port}" for dc_port in dc_ports]

open_connection = mtprotoproxy.open_connection_tryer


async def to_this_machine(name, _port, limit, timeout):
    return await open_connection("127.0.0.1", int(name.removeprefix("dc:")), limit, timeout)


mtprotoproxy.open_connection_tryer = to_this_machine


async def serve():
    server = await asyncio.start_server(
        mtprotoproxy.handle_client_wrapper, "127.0.0.1", int(port), limit=mtprotoproxy.get_to_tg_bufsize()
    )
    async with server:
        await server.serve_forever()


asyncio.run(serve())
