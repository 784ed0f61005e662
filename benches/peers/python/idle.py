import asyncio

from common import Start, figure, main


def idle(seconds):
    async def run():
        async def connected(reader, writer):
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        hour = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0.5)  # what has started comes to rest
        start = Start()
        await asyncio.sleep(seconds)
        figure("cpu", start.cpu())
        hour.cancel()
        server.close()

    asyncio.run(run())


main(idle=idle)
