"""Scene: what two accounts do, step by step, and what each step is answered and heard.

What is here is what the service leans on: repeated random ids, echoes, edits and deletions in a difference, channels, errors, the
end of a session that somebody ends elsewhere.
"""

import asyncio
import random

from telethon import errors, functions, types

from transcript import Words

LONGEST_TEXT = 4096


def refusal(error):
    """Telethon has a class of its own for each error that it knows, and Telegram's word for the others."""
    known = type(error).__module__.endswith("rpcerrorlist")
    return {"_": "error", "code": error.code, "name": type(error).__name__ if known else error.message}


class Scene:
    def __init__(self, ground, later):
        self.ground, self.later = ground, later
        self.words, self.steps = Words(), []
        self.clients, self.heard, self.listening = [], [[], []], []

    async def play(self):
        await self.ground.begin()
        try:
            await self._play()
        finally:
            for one in self.listening:
                one.cancel()
            for one in self.clients:
                await one.disconnect()
            await self.ground.end()
        return self.steps

    # Writing down.

    async def call(self, what, who, request):
        """One call: its answer, or its error; and what the two heard of it."""
        try:
            answer = await self.clients[who](request)
            told = self.words.of(answer, "AB"[who])
        except errors.RPCError as error:
            answer, told = None, refusal(error)
        self.steps.append({"step": what, "answer": told, "heard": await self.listen()})
        return answer

    async def listen(self):
        counts = None
        while counts != (counts := [len(one) for one in self.heard]):
            await asyncio.sleep(self.ground.quiet)
        heard = {}
        for which, packets in enumerate(self.heard):
            name = "AB"[which]
            heard[name] = [self.words.of(one, name) for one in packets if not self.aside(one)]
            packets.clear()
        return heard

    def aside(self, packet):
        """Who is online, and what a person set, is no part of the scene; Telethon puts answers to its own calls among packets."""
        if getattr(packet, "_self_outgoing", False):
            return True
        inner = [packet.update] if isinstance(packet, types.UpdateShort) else getattr(packet, "updates", [packet])
        return all(isinstance(one, (types.UpdateUserStatus, types.UpdatePeerSettings, types.UpdateConfig)) for one in inner)

    def hears(self, which):
        """Packets as they come. Telethon's own loop would put them in order, and ask for more by itself."""
        made = self.clients[which]
        made._updates_handle.cancel()

        async def listen():
            while True:
                self.heard[which].append(await made._updates_queue.get())

        self.listening.append(asyncio.get_running_loop().create_task(listen()))

    # What happens.

    async def _play(self):
        for which, phone in enumerate(self.ground.phones):
            made = await self.ground.client()
            await made.connect()
            self.clients.append(made)
            signed = await self.ground.sign_in(made, phone)
            self.words.call(signed.user.id, "AB"[which])
            self.hears(which)
        await self._private()
        await self._away()
        await self._groups()
        await self._errors()
        await self._endings()

    async def connect(self, which):
        await self.clients[which].connect()
        # It goes on where it was, and so does whoever listens.
        self.clients[which]._updates_handle.cancel()

    async def _contact(self, who, other):
        contact = types.InputPhoneContact(1, self.ground.phones[other].lstrip("+"), "AB"[other], "")
        answer = await self.call(f"{'AB'[who]} finds {'AB'[other]}", who, functions.contacts.ImportContactsRequest([contact]))
        user = answer.users[0]
        return types.InputPeerUser(user.id, user.access_hash)

    def send(self, peer, text, number):
        return functions.messages.SendMessageRequest(peer, text, random_id=number)

    async def _private(self):
        self.to_b = await self._contact(0, 1)
        self.to_a = await self._contact(1, 0)
        self.first = random.getrandbits(60)
        sent = await self.call("A writes to B", 0, self.send(self.to_b, "first", self.first))
        number = sent.id if isinstance(sent, types.UpdateShortSentMessage) else sent.updates[0].id
        await self.call("the same again, with its random id", 0, self.send(self.to_b, "first", self.first))
        await self.call("its random id with another text", 0, self.send(self.to_b, "other words", self.first))
        edit = functions.messages.EditMessageRequest
        await self.call("A edits it", 0, edit(self.to_b, number, message="edited"))
        await self.call("A edits it to what it is", 0, edit(self.to_b, number, message="edited"))
        await self.call("A edits what is not there", 0, edit(self.to_b, number + 100_000, message="nothing"))
        await self.call("B answers", 1, self.send(self.to_a, "second", random.getrandbits(60)))
        await self.call("A reads it", 0, functions.messages.ReadHistoryRequest(self.to_b, 0))
        await self.call("A asks for its history", 0, functions.messages.GetHistoryRequest(self.to_b, 0, None, 0, 10, 0, 0, 0))

    async def _away(self):
        state = await self.clients[1](functions.updates.GetStateRequest())
        await self.clients[1].disconnect()
        sent = []
        for text in ("while away 1", "while away 2", "while away 3"):
            answer = await self.call(f"A writes {text!r}", 0, self.send(self.to_b, text, random.getrandbits(60)))
            sent.append(answer.id if isinstance(answer, types.UpdateShortSentMessage) else answer.updates[0].id)
        edit = functions.messages.EditMessageRequest(self.to_b, sent[0], message="edited while away")
        await self.call("A edits one of them", 0, edit)
        await self.call("A deletes one of them", 0, functions.messages.DeleteMessagesRequest([sent[1]], revoke=True))
        await self.connect(1)
        difference = functions.updates.GetDifferenceRequest(pts=state.pts, date=state.date, qts=state.qts)
        await self.call("B asks for the difference", 1, difference)
        wrong = functions.updates.GetDifferenceRequest(pts=state.pts + 1_000_000, date=state.date, qts=0)
        await self.call("B asks from where nothing is yet", 1, wrong)

    async def _groups(self):
        group = await self.ground.group(self.clients)
        self.words.call(-group, "the group")
        peer, number = types.InputPeerChat(-group), random.getrandbits(60)
        await self.call("A writes to the group", 0, self.send(peer, "to all", number))
        await self.call("the same again in the group", 0, self.send(peer, "to all", number))
        await self.call("B writes to the group", 1, self.send(peer, "from B", random.getrandbits(60)))

        marked = await self.ground.channel(self.clients)
        channel = -1_000_000_000_000 - marked
        self.words.call(channel, "the supergroup")
        inputs = []
        for which in range(2):
            # Its hash is told to whoever hears of it.
            first = await self._first_of(which, channel)
            inputs.append(first)
        number = random.getrandbits(60)
        sent = await self.call("A writes to the supergroup", 0, self.send(inputs[0], "to the supergroup", number))
        await self.call("the same again in the supergroup", 0, self.send(inputs[0], "to the supergroup", number))
        post = next(one.id for one in sent.updates if isinstance(one, types.UpdateMessageID))
        pts = next(one.pts for one in sent.updates if isinstance(one, types.UpdateNewChannelMessage))
        await self.call("B writes to the supergroup", 1, self.send(inputs[1], "B, too", random.getrandbits(60)))
        edit = functions.messages.EditMessageRequest(inputs[0], post, message="edited in the supergroup")
        await self.call("A edits there", 0, edit)
        await self.call("B edits what A wrote", 1, functions.messages.EditMessageRequest(inputs[1], post, message="not mine"))
        names = types.InputChannel(channel, inputs[0].access_hash)
        await self.call("A deletes there", 0, functions.channels.DeleteMessagesRequest(names, [post]))
        names = types.InputChannel(channel, inputs[1].access_hash)
        ask = functions.updates.GetChannelDifferenceRequest(names, types.ChannelMessagesFilterEmpty(), pts, 100)
        await self.call("B asks for the supergroup's difference", 1, ask)

    async def _first_of(self, which, channel):
        if which == 0 and self.ground.name == "foreign":
            await self.ground._do("say_in", chat=-1_000_000_000_000 - channel, person="Contact one", text="opening")
        elif which == 0 and self.ground.name == "simulator":
            self.ground._do("say", **{"from": self.ground.users[0]}, chat=-1_000_000_000_000 - channel, text="opening")
        dialogs = await self.clients[which](functions.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 50, 0))
        await self.listen()
        found = next(one for one in dialogs.chats if one.id == channel)
        return types.InputPeerChannel(channel, found.access_hash)

    async def _errors(self):
        await self.call("A writes nothing", 0, self.send(self.to_b, "", random.getrandbits(60)))
        await self.call("A writes too much", 0, self.send(self.to_b, "x" * (LONGEST_TEXT + 1), random.getrandbits(60)))
        wrong = types.InputPeerUser(self.to_b.user_id, self.to_b.access_hash ^ 1)
        await self.call("A writes with a wrong hash", 0, self.send(wrong, "nobody", random.getrandbits(60)))
        await self.call("A writes to a group that is not there", 0, self.send(types.InputPeerChat(1), "nobody", random.getrandbits(60)))

    async def _endings(self):
        await self.clients[0].disconnect()
        await self.connect(0)
        await self.call("A's first random id, on a new line", 0, self.send(self.to_b, "first", self.first))
        if self.later:
            await asyncio.sleep(self.later)
            await self.call(f"A's first random id, {self.later} seconds later", 0, self.send(self.to_b, "first", self.first))
        if await self.ground.forget(0):
            await self.call("A's first random id, which the server has forgotten", 0, self.send(self.to_b, "first", self.first))
        elsewhere = await self.ground.client()
        await elsewhere.connect()
        try:
            await self.ground.sign_in(elsewhere, self.ground.phones[1])
            try:
                ended = await elsewhere(functions.auth.ResetAuthorizationsRequest())
                self.steps.append({"step": "B ends all other sessions", "answer": ended})
            except errors.RPCError as error:
                self.steps.append({"step": "B ends all other sessions", "answer": refusal(error)})
        finally:
            await elsewhere.disconnect()
        await self.listen()
        await self.call("B's first session asks for its state", 1, functions.updates.GetStateRequest())
