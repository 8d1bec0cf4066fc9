"""The checks that are disabled in turn, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Replace a text, which stands exactly once in a file below src/samesession."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A check that is disabled by changes; pytest fails with any of these arguments."""

    check: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "the signature of a token",
        (
            Change(
                "core/token.py",
                "if signer.verify_signature(body, signature):",
                "if True:",
            ),
        ),
        ("tests/unit/test_token.py",),
    ),
    Mutant(
        "the keys that a remembered proof is of",
        (
            Change(
                "core/token.py",
                "hashlib.sha256(signatures).digest()",
                "bytes(32)",
            ),
        ),
        ("tests/unit/test_token.py",),
    ),
    Mutant(
        "the bytes that a remembered record is compared by",
        (
            Change(
                "core/proved_records.py",
                "proved.raw == raw and proved.sealer is self._sealer",
                "proved.sealer is self._sealer",
            ),
        ),
        ("tests/unit/test_proved_records.py",),
    ),
    Mutant(
        "the keys that a remembered record was proved by",
        (
            Change(
                "core/proved_records.py",
                "proved.raw == raw and proved.sealer is self._sealer",
                "proved.raw == raw",
            ),
        ),
        ("tests/unit/test_proved_records.py",),
    ),
    Mutant(
        "the forgetting of a session that is revoked",
        (
            Change(
                "core/admin.py",
                "        self._forget(key)\n        yield from self._owners",
                "        yield from self._owners",
            ),
        ),
        ("tests/web/test_proofs.py", "-k", "revoked and memory"),
    ),
    Mutant(
        "the look into values that were handed out",
        (
            Change(
                "core/request_state.py",
                "if values.encode_if_fit(_item(session, name)) != before.get(name):",
                "if False:",
            ),
        ),
        ("tests/unit/test_session.py", "tests/web/test_mapping.py", "-k", "memory or unit"),
    ),
    Mutant(
        "what else was done than to hand out values",
        (
            Change(
                "core/request_state.py",
                "return untouched and kept and self.loaded is not None and self._journal is None",
                "return self.loaded is not None",
            ),
        ),
        ("tests/unit/test_flow.py", "tests/web/test_mapping.py", "-k", "memory or flow"),
    ),
    Mutant(
        "the connection to Redis that is in use while all are closed",
        (Change("stores/redis/pooled.py", "if self._free is not connection.among:", "if False:"),),
        ("tests/unit/test_redis_pooled.py", "-k", "in_use"),
    ),
    Mutant(
        "the bound of what is remembered",
        (
            Change(
                "core/memo.py",
                "if self._size + size > self._half:",
                "if False:",
            ),
        ),
        ("tests/unit/test_memo.py",),
    ),
    Mutant(
        "the forgetting in a forked process",
        (
            Change(
                "worker_processes.py",
                "os.register_at_fork(after_in_child=_clear)",
                "pass",
            ),
        ),
        ("tests/unit/test_memo.py",),
    ),
    Mutant(
        "the hash of the secret",
        (
            Change(
                "core/token.py",
                "return hmac.compare_digest(token.secret_hash, secret_hash)",
                "return True",
            ),
        ),
        ("tests/web/test_mapping.py", "-k", "old_cookie"),
    ),
    Mutant(
        "the quiet of a connection that a thread takes up again",
        (Change("stores/kit/deadline.py", "return not self._poll.poll(0)", "return True"),),
        ("tests/unit/test_redis_pooled.py", "-k", "spoke_unasked"),
    ),
    Mutant(
        "the same quiet where a thread cannot poll",
        (Change("stores/kit/deadline.py", "_ = self._connected.recv(1)\n", "return True\n"),),
        ("tests/unit/test_redis_pooled.py", "-k", "spoke_unasked"),
    ),
    Mutant(
        "the word ahead of a swap's answer, in a thread",
        (Change("stores/redis/pooled.py", "if heard != said:", "if False:"),),
        ("tests/unit/test_redis_pooled.py", "-k", "swap"),
    ),
    Mutant(
        "the word ahead of a swap's answer, in a loop",
        (Change("stores/redis/multiplexed.py", "elif answer != pending.unheard:", "elif False:"),),
        ("tests/unit/test_redis_multiplexed.py", "-k", "swap"),
    ),
    Mutant(
        "the word is awaited on the next connection as well",
        (
            Change(
                "stores/redis/multiplexed.py",
                "each.since, each.unheard = now, each.word",
                "each.since = now",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "swap"),
    ),
    Mutant(
        "another answer than the old record is no success",
        (
            Change(
                "stores/redis/store.py",
                "client.send_swap(swap)) == expected",
                "client.send_swap(swap)) != b''",
            ),
        ),
        ("tests/stores/test_redis_swaps.py", "-k", "conflict or gone"),
    ),
    Mutant(
        "a server that cannot swap is not asked again",
        (
            Change(
                "stores/redis/pooled.py",
                "self.swaps = self.swaps and not is_unknown(each)",
                "pass",
            ),
            Change(
                "stores/redis/multiplexed.py",
                "if pending.word is not None and is_unknown(error):",
                "if False:",
            ),
        ),
        ("tests/stores/test_redis_swaps.py", "-k", "without_it"),
    ),
    Mutant(
        "the next connection may lead to a server that swaps",
        (
            Change("stores/redis/pooled.py", "self.swaps = True  # it may", "pass  # it may"),
            Change("stores/redis/multiplexed.py", "self.swaps = True  # it may", "pass  # it may"),
        ),
        ("tests/stores/test_redis_swaps.py", "-k", "without_it"),
    ),
    Mutant(
        "a thread that polls is bounded as well",
        (Change("stores/kit/deadline.py", "poll(deadline.rest() * 1000)", "poll(300)"),),
        ("tests/unit/test_bounded_socket.py", "-k", "drips"),
    ),
    Mutant(
        "what the kernel did not take at once is sent, too",
        (Change("stores/kit/deadline.py", "if sent == len(data):", "if True:"),),
        ("tests/unit/test_bounded_socket.py", "-k", "whole"),
    ),
    Mutant(
        "the answer too many that a thread reads",
        (Change("stores/redis/pooled.py", "if self._reader.gets() is not False:", "if False:"),),
        ("tests/unit/test_redis_pooled.py", "-k", "answer_too_many"),
    ),
    Mutant(
        "the unasked answer on the connection that a loop shares",
        (
            Change(
                "stores/redis/multiplexed.py",
                "pending = self._sent.popleft()\n",
                "pending = self._sent.popleft() if self._sent else _Pending(\n"
                '                    b"", self._loop.create_future()\n'
                "                )\n",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "nobody_asked_for"),
    ),
    Mutant(
        "the writes that garbage may stand for",
        (
            Change(
                "stores/redis/multiplexed.py",
                "if each.resent or not again(each):",
                "if each.resent:",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "after_garbage"),
    ),
    Mutant(
        "what a caller cannot send to Redis",
        (
            Change(
                "stores/redis/given_clients.py",
                "if not all(map(_can_be_packed, arguments)):",
                "if False:",
            ),
        ),
        ("tests/faults/test_costless_errors.py", "-k", "no_connection and surrogate"),
    ),
    Mutant(
        "the node of a Cluster that a failure names",
        (
            Change(
                "stores/redis/cluster.py",
                "except (redis.RedisError, OSError) as error:\n"
                "            at_place(error, _place(node))",
                "except (redis.RedisError, OSError):",
            ),
        ),
        ("tests/unit/test_redis_cluster.py", "-k", "names_the_node"),
    ),
    Mutant(
        "the node of a Cluster that many commands' failure names",
        (
            Change(
                "stores/redis/cluster.py",
                "self._stale, self._failed = True, node\n            at_place(error, _place(node))",
                "self._stale, self._failed = True, node",
            ),
        ),
        ("tests/unit/test_redis_cluster.py", "-k", "names_the_node"),
    ),
    Mutant(
        "hiredis is there for a URL when an application starts",
        (Change("stores/redis/sources.py", 'if find_spec("hiredis") is None:', "if False:"),),
        ("tests/stores/test_redis_clients.py", "-k", "hiredis"),
    ),
    Mutant(
        "loading redis-py is no time that a server took",
        (
            Change(
                "stores/redis/store.py",
                "        if self.colours is Colour.ASYNC:\n            yield from checkpoint()",
                "        if False:\n            yield from checkpoint()",
            ),
        ),
        ("tests/stores/test_imports.py", "-k", "without_redis_py"),
    ),
    Mutant(
        "redis-py is loaded before the time of an operation begins",
        (Change("stores/redis/store_errors.py", "if not store.has_loaded:", "if False:"),),
        ("tests/stores/test_imports.py", "-k", "without_redis_py"),
    ),
    Mutant(
        "the key that a client which caches is told",
        (
            Change(
                "stores/redis/given_clients.py",
                'if command[0] == "GET" else {}',
                "if False else {}",
            ),
        ),
        ("tests/unit/test_redis_given.py", "-k", "caches"),
    ),
    Mutant(
        "the turns that a late loop takes before it gives a store up",
        (Change("run/timeout.py", "if late else None", "if False else None"),),
        ("tests/unit/test_timeout.py", "-k", "late"),
    ),
    Mutant(
        "the turns that a late loop takes before it gives a connection up",
        (
            Change(
                "stores/redis/multiplexed.py",
                "again = self._grace.until(now, moved=oldest is not self._late)",
                "again = None",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "late"),
    ),
    Mutant(
        "a process that is busy is not a store that is slow",
        (Change("run/timeout.py", "return now + _PAUSE if self._busy else None", "return None"),),
        ("tests/unit/test_timeout.py", "-k", "busy"),
    ),
    Mutant(
        "the end of a late loop's patience",
        (Change("run/timeout.py", "if now - self._moved >= self._patience:", "if False:"),),
        ("tests/unit/test_timeout.py", "-k", "stalls", "--timeout=20"),
    ),
    Mutant(
        "the longest that a late wait may last",
        (Change("run/timeout.py", "if again is None or wait.late <= last:", "if again is None:"),),
        ("tests/unit/test_timeout.py", "-k", "ten_times"),
    ),
    Mutant(
        "the last look of a thread that was late",
        (
            Change(
                "stores/kit/deadline.py",
                "except (TimeoutError, BlockingIOError, SSLWantReadError):",
                "except SystemExit:",
            ),
        ),
        ("tests/unit/test_redis_pooled.py", "-k", "late"),
    ),
    Mutant(
        "another answer than the question's from memcached",
        (
            Change(
                "stores/memcached/meta_protocol.py",
                'if isinstance(answer, Answer) and answer.flags.get("O", word) != word:',
                "if False:",
            ),
        ),
        ("tests/unit/test_memcached_protocol.py", "-k", "another"),
    ),
    Mutant(
        "the quiet of a connection to memcached",
        (
            Change(
                "stores/memcached/meta_protocol.py",
                "if kept is None or kept.is_quiet():",
                "if True:",
            ),
        ),
        ("tests/unit/test_memcached_protocol.py", "-k", "spoke_unasked"),
    ),
    Mutant(
        "the second question before a user is logged out",
        (
            Change(
                "core/reading.py",
                "return (yield from self._read_again(key, sid, raw))",
                "return None",
            ),
        ),
        ("tests/unit/test_reading.py", "-k", "log_a_user_out"),
    ),
    Mutant(
        "two answers that are both another's",
        (Change("core/reading.py", "if raw != doubted and sid_of(raw) != sid:", "if False:"),),
        ("tests/unit/test_reading.py", "-k", "both_anothers"),
    ),
    Mutant(
        "the sid's own damaged record, which is not doubted",
        (Change("core/reading.py", "or (raw is not None and sid_of(raw) == sid)", ""),),
        ("tests/unit/test_reading.py", "-k", "damaged_record_of"),
    ),
    Mutant(
        "the words around a question to Redis",
        (
            Change(
                "stores/redis/fence.py",
                "if (before, after) != words or moved or",
                "if",
            ),
        ),
        ("tests/unit/test_redis_fence.py",),
    ),
    Mutant(
        "the word in the answer to a commit",
        (
            Change(
                "stores/redis/store.py",
                "case [bytes(named), answer] if named == own:",
                "case [_, answer]:",
            ),
        ),
        ("tests/faults/test_crossed_answers.py", "-k", "commits and url"),
    ),
    Mutant(
        "a connection that is not left for a planted record",
        (Change("stores/redis/verification.py", "if answer != doubted:", "if True:"),),
        ("tests/faults/test_crossed_answers.py", "-k", "planted and url"),
    ),
    Mutant(
        "a connection that is left for it is out of step",
        (
            Change(
                "stores/redis/multiplexed.py",
                "if self._transport is not None and mark in (None, self.mark):",
                "if False:",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "out_of_step"),
    ),
    Mutant(
        "a connection that others have left already",
        (
            Change(
                "stores/redis/multiplexed.py",
                "and mark in (None, self.mark):",
                "and mark is not self:",
            ),
        ),
        ("tests/unit/test_redis_multiplexed.py", "-k", "out_of_step"),
    ),
    Mutant(
        "another's row",
        (Change("stores/sqlalchemy/errors.py", "    connection.invalidate()\n", "    return\n"),),
        ("tests/stores/test_sql_crossed.py", "-k", "anothers_row"),
    ),
    Mutant(
        "the binding of a record to its sid",
        (
            Change(
                "core/record.py",
                'begun.update(b"".join((*_filed(key), body)))',
                "begun.update(body)",
            ),
        ),
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "the authentication of a record",
        (
            Change(
                "core/record.py",
                "if hmac.compare_digest(_tag(mac, key, body), tag):",
                "if True:",
            ),
        ),
        ("tests/faults/test_forged_records.py", "-k", "forged_record and memory"),
    ),
    Mutant(
        "what is encrypted is bound to the key and the clear header",
        (
            Change(
                "aes_gcm.py",
                "encrypt(\n            drawn[_SALT_BYTES:], clear, associated\n        )",
                'encrypt(drawn[_SALT_BYTES:], clear, b"")',
            ),
            Change(
                "aes_gcm.py", "decrypt(nonce, sealed, associated)", "decrypt(nonce, sealed, b'')"
            ),
        ),
        ("tests/unit/test_encryption.py", "-k", "whole_or_not or made_anew"),
    ),
    Mutant(
        "each encryption has a key of its own",
        (Change("aes_gcm.py", "salted[:_SALT_BYTES] + b", "b"),),
        ("tests/unit/test_encryption.py", "-k", "read_for_ever"),
    ),
    Mutant(
        "a record that is not encrypted is refused when its time has come",
        (Change("core/encryption.py", "self.clock() < self.plain_until", "True"),),
        ("tests/unit/test_encryption.py", "-k", "until_its_time"),
    ),
    Mutant(
        "a record that is not encrypted is encrypted at the next request",
        (
            Change(
                "core/record.py",
                "stale or (encryption is not None and encryption.writes)",
                "stale",
            ),
        ),
        ("tests/web/test_encryption.py", "-k", "memory and first_request"),
    ),
    Mutant(
        "a record that is not encrypted is proved each time",
        (Change("core/proved_records.py", "if not record.stale:", "if True:"),),
        ("tests/web/test_encryption.py", "-k", "memory and until_the_moment"),
    ),
    Mutant(
        "an encrypted cookie has one spelling",
        (
            Change(
                "core/cookie_only/encrypted_format.py",
                "raw.startswith(_VERSION) and base64url(raw) == value",
                "raw.startswith(_VERSION)",
            ),
        ),
        ("tests/web/test_encrypted_cookie.py", "-k", "character"),
    ),
    Mutant(
        "an encrypted cookie ends by the moment that is in it",
        (
            Change(
                "core/cookie_only/encrypted_format.py",
                "if not policy.is_of_age(written, encryption.clock(), max_age):",
                "if False:",
            ),
        ),
        ("tests/web/test_encrypted_cookie.py", "-k", "ends"),
    ),
    Mutant(
        "an encrypted cookie needs SECRET_KEY",
        (
            Change(
                "making_flows.py",
                'hmac.digest(*pair, "sha256") for pair in pairs',
                "pair[1] for pair in pairs",
            ),
        ),
        ("tests/web/test_encrypted_cookie.py", "-k", "needed_too"),
    ),
    Mutant(
        "a cookie that is not encrypted is none when its time has come",
        (
            Change(
                "core/cookie_only/encrypted_format.py",
                "if not self._encryption.reads_plain():",
                "if False:",
            ),
        ),
        ("tests/web/test_encrypted_cookie.py", "-k", "until_a_moment"),
    ),
    Mutant(
        "an owner's name in a store is a keyed hash",
        (
            Change(
                "core/owner_entries.py",
                "hmac.digest(key, owner.encode(), ",
                'hmac.digest(b"", owner.encode(), ',
            ),
        ),
        ("tests/unit/test_owner_entries.py",),
    ),
    Mutant(
        "an owner is looked for under the names of older keys",
        (
            Change(
                "core/owner_entries.py",
                "in encryption.owner_keys]",
                "in encryption.owner_keys[:1]]",
            ),
        ),
        ("tests/web/test_encryption.py", "-k", "memory and listed_and_revoked"),
    ),
    Mutant(
        "an owner is noted under the newest name when the record is written anew",
        (
            Change(
                "core/filing.py",
                "if is_new or self._owners.are_due(stale=current.stale):",
                "if is_new:",
            ),
        ),
        ("tests/web/test_encryption.py", "-k", "memory and listed_and_revoked"),
    ),
    Mutant(
        "a record under an older key of encryption is encrypted anew",
        (Change("core/record.py", "stale=stale or is_older", "stale=stale"),),
        ("tests/web/test_encryption.py", "-k", "memory and new_key"),
    ),
    Mutant(
        "a commit that is our own is known though each encryption gives other bytes",
        (Change("core/filing.py", " or self._says(key, outcome.record, record)", ""),),
        ("tests/unit/test_flow.py", "-k", "encrypted_commit"),
    ),
    Mutant(
        "the comparison of revisions in files",
        (
            Change(
                "stores/filesystem/record_files.py",
                "if revision_of(found.record) != expected:",
                "if False:",
            ),
        ),
        ("tests/races/test_changes.py", "-k", "each_keeps and filesystem"),
    ),
    Mutant(
        "the comparison of revisions in memory",
        (
            Change(
                "stores/memory.py",
                "if expected is not None and revision_of(current) != expected:",
                "if False:",
            ),
        ),
        ("tests/races/test_changes.py", "-k", "each_keeps and memory"),
    ),
    Mutant(
        "the comparison of revisions in Redis",
        (
            Change(
                "stores/redis/scripts.py",
                "if ARGV[1] ~= '' and string.sub(front, 1, 8) ~= ARGV[1] then",
                "if false then",
            ),
        ),
        ("tests/races/test_changes.py", "-k", "each_keeps and redis"),
    ),
    Mutant(
        "a commit finds the session gone",
        (
            Change(
                "core/writing.py",
                "return (yield from self.lost(session, loaded, unsaved, None))",
                "return self._written(session, unsaved, current, loaded, draft)",
            ),
        ),
        ("tests/races/test_endings.py", "-k", "after_the_end_is_not_written and memory"),
    ),
    Mutant(
        "what a conflict shows is judged as what was loaded",
        (
            Change(
                "core/writing.py",
                "if not (self.is_live(current, loaded) or self.is_ours(current, session)):",
                "if False:",
            ),
        ),
        ("tests/races/test_state_machine.py", "-k", "memory"),
    ),
    Mutant(
        "a regenerated session has a new secret",
        (
            Change(
                "core/writing.py",
                "signed = self._minted(state_of(session), current.sid)",
                "signed = loaded.signed",
            ),
        ),
        ("tests/races/test_rekeying.py", "-k", "every_order and memory"),
    ),
    Mutant(
        "after a save the session shows what is stored",
        (Change("core/saving.py", "    if data is not None:\n", "    if False:\n"),),
        ("tests/races/test_blocks.py", "-k", "shows_and_goes_on and memory"),
    ),
    Mutant(
        "after a save the session goes on from what is stored, whatever comes between",
        (Change("core/saving.py", "    if data is not None:\n", "    if False:\n"),),
        ("tests/races/test_state_machine.py", "-k", "memory"),
    ),
    Mutant(
        "what a view holds stays in the session when it is stored",
        (
            Change(
                "core/changes.py",
                "here[key] if key in here and _same(here[key], value) else value",
                "value",
            ),
        ),
        ("tests/races/test_blocks.py", "-k", "shows_and_goes_on and memory"),
    ),
    Mutant(
        "what is done while a save is under way is done to what that stored",
        (Change("core/unsaved_changes.py", "        if since:\n", "        if False:\n"),),
        ("tests/races/test_blocks.py", "-k", "while_another_saves and memory"),
    ),
    Mutant(
        "what a block that changed nothing assigned is saved",
        (Change("core/flow.py", "            state_of(session).rest(data_of(session))\n", ""),),
        ("tests/races/test_blocks.py", "-k", "changed_nothing and memory"),
    ),
    Mutant(
        "only what may differ is encoded again",
        (Change("core/request_state.py", "in before if name in lent}", "in before}"),),
        ("tests/unit/test_flow.py", "-k", "encoded_again"),
    ),
    Mutant(
        "what a view was handed is compared",
        (Change("core/session.py", "        self._state.note(name)\n", ""),),
        ("tests/web/test_mapping.py", "-k", "memory and in_place and getitem"),
    ),
    Mutant(
        "an assigned name counts before its value is there",
        (
            Change(
                "core/session.py",
                "            self._state.note(key)  # first, as another thread may save what it "
                "finds meanwhile\n            super().__setitem__(key, value)\n",
                "            super().__setitem__(key, value)\n            self._state.note(key)\n",
            ),
        ),
        ("tests/unit/test_session.py", "-k", "before_its_value"),
    ),
    Mutant(
        "modified = True has all data looked at",
        (Change("core/session.py", "            self._state.all_may_differ = True\n", ""),),
        ("tests/unit/test_flow.py", "-k", "says_is_modified"),
    ),
    Mutant(
        "a record keeps the fields that nobody knows here",
        (Change("core/next_record.py", "fields=fields,", "fields=(),"),),
        ("tests/unit/test_flow.py", "-k", "nobody_knows"),
    ),
    Mutant(
        "a timeout of a session's own counts at once",
        (
            Change(
                "core/filing.py",
                "renewing = state.renew or record.lifetime != current.lifetime",
                "renewing = state.renew",
            ),
        ),
        ("tests/web/test_own_lifetimes.py", "-k", "memory and counts_at_once"),
    ),
    Mutant(
        "the owner index hears of a longer timeout",
        (Change("core/next_record.py", "index_is_stale or lifetime > current.lifetime", "False"),),
        ("tests/unit/test_flow.py", "-k", "longer_time"),
    ),
    Mutant(
        "the owner index outlives a session's own timeout",
        (
            Change(
                "core/filing.py",
                "max(self._horizon.longest, record.lifetime)",
                "self._horizon.longest",
            ),
        ),
        ("tests/unit/test_flow.py", "-k", "longer_time"),
    ),
    Mutant(
        "a read that renews nothing cuts no session's own time",
        (
            Change(
                "core/idle_renewal.py",
                "max(self._longest, own_lifetime_of(record))",
                "self._longest",
            ),
        ),
        ("tests/web/test_own_lifetimes.py", "-k", "filesystem and leaves_a_long_time"),
    ),
    Mutant(
        "redis renews a session for its own time",
        (Change("stores/redis/scripts.py", "if own > 0 then", "if false then"),),
        ("tests/web/test_own_lifetimes.py", "-k", "redis_is_told"),
    ),
    Mutant(
        "a session follows the settings where none may have its own time",
        (Change("core/record.py", "if lifetimes.own and (own", "if (own"),),
        ("tests/web/test_own_lifetimes.py", "-k", "memory and follow_the_settings"),
    ),
    Mutant(
        "a time that was not saved is saved later",
        (
            Change(
                "core/saving.py",
                "            state.lifetime = draft.lifetime\n",
                "            pass\n",
            ),
        ),
        ("tests/races/test_own_lifetimes.py", "-k", "memory and block_failed"),
    ),
    Mutant(
        "the cookie lives as long as the session's own time",
        (
            Change(
                "core/own_lifetimes.py",
                "(lifetimes.own and record.lifetime) or lifetimes.permanent",
                "lifetimes.permanent",
            ),
        ),
        ("tests/web/test_own_lifetimes.py", "-k", "memory and lives_as_long"),
    ),
    Mutant(
        "clear() takes a session's own time back",
        (
            Change(
                "core/next_record.py",
                "0 if draft.cleared else current.lifetime",
                "current.lifetime",
            ),
        ),
        ("tests/web/test_own_lifetimes.py", "-k", "memory and cleared_session"),
    ),
    Mutant(
        "lengths of no values are no image",
        (Change("core/codec.py", "!= _WHOLE or min(lengths) <= 0", "!= _WHOLE"),),
        ("tests/unit/test_codec.py", "-k", "no_value_has"),
    ),
    Mutant(
        "the permanence that another request gave",
        (Change("core/unsaved_changes.py", "if PERMANENT_KEY in image:", "if False:"),),
        ("tests/races/test_blocks.py", "-k", "permanence and memory"),
    ),
    Mutant(
        "the saves of one session wait for one another",
        (
            Change(
                "app_sessions.py",
                "lock = state_of(session).turn(self._framework.lock)",
                "lock = self._framework.lock()",
            ),
        ),
        ("tests/races/test_blocks.py", "-k", "two_blocks_at_once and memory"),
    ),
    Mutant(
        "a commit whose answer was lost is known again",
        (Change("core/unsaved_changes.py", "self.attempts.get(standing, 0)", "0"),),
        ("tests/races/test_blocks.py", "-k", "failed_to_save and memory"),
    ),
    Mutant(
        "a new secret is made once, however often its save is tried",
        (Change("core/writing.py", "        if state.minted is None:\n", "        if True:\n"),),
        ("tests/races/test_blocks.py", "-k", "failed_to_save and memory"),
    ),
    Mutant(
        "what may have been written is written again when it is taken back",
        (Change("core/flow.py", " or state.unsure", ""),),
        ("tests/races/test_blocks.py", "-k", "failed_to_save and memory"),
    ),
    Mutant(
        "a session that is lost stays lost for the request",
        (
            Change(
                "core/flow.py",
                "if state.lost is not None and not state.lost.gives_way_to(state.bound):",
                "if False:",
            ),
        ),
        ("tests/races/test_blocks.py", "-k", "stays_lost and memory"),
    ),
    Mutant(
        "a login whose session is gone begins another",
        (Change("core/writing.py", "if lost.gives_way_to(unsaved.draft.bound):", "if False:"),),
        ("tests/races/test_endings.py", "-k", "memory and (begins_a_new or ends_all)"),
    ),
    Mutant(
        "of two logins of one user one wins",
        (
            Change(
                "core/loaded.py",
                "return bound is not None and bound != self.owner",
                "return bound is not None",
            ),
        ),
        ("tests/races/test_rekeying.py", "-k", "memory and one_user"),
    ),
    Mutant(
        "a login that is over wins over no other",
        (
            Change(
                "core/writing.py",
                "over = standing is None or policy.is_over(standing, self._clock())",
                "over = standing is None",
            ),
        ),
        ("tests/races/test_rekeying.py", "-k", "memory and counts_no_more"),
    ),
    Mutant(
        "a login brings back nothing that was loaded",
        (
            Change(
                "core/changes.py",
                "not isinstance(change, Redo) and not (isinstance(change, Put) and "
                "not change.assigned)",
                "True",
            ),
        ),
        ("tests/races/test_endings.py", "-k", "memory and begins_a_new"),
    ),
    Mutant(
        "a login has what an earlier save of its request kept",
        (Change("core/unsaved_changes.py", "codec.image(self.own)))", "{}))"),),
        ("tests/races/test_blocks.py", "-k", "memory and earlier_block"),
    ),
    Mutant(
        "a session that is only read is sealed anew after a rotation of keys",
        (Change("core/record.py", "body, stale=age > 0)", "body, stale=False)"),),
        ("tests/web/test_key_rotation.py", "-k", "memory and only_read"),
    ),
    Mutant(
        "a cookie that a fallback key signed is sent anew",
        (
            Change(
                "core/flow.py",
                "must = must or (signed is not None and signed.stale and "
                "not state.loaded.record.stale)\n",
                "pass\n",
            ),
        ),
        ("tests/web/test_key_rotation.py", "-k", "memory and (only_read or websocket)"),
    ),
    Mutant(
        "a cookie that holds the session is signed anew after a rotation of keys",
        (
            Change(
                "core/cookie_only/flow.py",
                "                state.stale, state.terms = stale,",
                "                state.terms =",
            ),
        ),
        ("tests/web/test_key_rotation.py", "-k", "cookie and only_read"),
    ),
    Mutant(
        "a request that does not renew changes no key",
        (
            Change(
                "core/upkeep.py",
                "return state.renew or state.modified or state.due",
                "return True",
            ),
        ),
        ("tests/web/test_key_rotation.py", "-k", "memory and does_not_renew"),
    ),
    Mutant(
        "a renewal that the store refuses spoils no read",
        (
            Change(
                "core/upkeep.py",
                "        except StoreError:\n",
                "        except ZeroDivisionError:\n",
            ),
        ),
        ("tests/web/test_key_rotation.py", "-k", "memory and refuses"),
    ),
    Mutant(
        "no cookie is promised when the response is made",
        (
            Change(
                "app_sessions.py",
                "state.answered, state.streaming, state.locked = True, ",
                "state.answered, state.streaming, state.locked = False, ",
            ),
        ),
        ("tests/web/test_saving.py", "-k", "memory and (block_in_a_block or goes_on_after)"),
    ),
    Mutant(
        "a block is open to writes whenever it is entered",
        (
            Change(
                "core/late_writes.py",
                "elif not state.answered or state.blocks or",
                "elif not state.answered or",
            ),
        ),
        ("tests/web/test_late_writes.py", "-k", "memory and in_a_block_is_kept"),
    ),
    Mutant(
        "a streamed body saves after each chunk",
        (
            Change(
                "flask/streamed_body.py", "        self._save()\n        return", "        return"
            ),
        ),
        ("tests/web/test_streams.py", "-k", "flask and memory and before_it_is_sent"),
    ),
    Mutant(
        "a streamed body saves after each chunk, under Quart too",
        (
            Change(
                "quart/streamed_body.py",
                "        steps = self._stream.due()\n        if steps is not None:",
                "        steps = self._stream.due()\n        if False:",
            ),
        ),
        ("tests/web/test_streams.py", "-k", "quart and memory and before_it_is_sent"),
    ),
    Mutant(
        "a streamed body saves before its end is sent",
        (Change("flask/streamed_body.py", "            self._save(ending=True)\n", ""),),
        ("tests/web/test_streams.py", "-k", "flask and memory and before_the_end_is_sent"),
    ),
    Mutant(
        "a streamed body saves as it is closed",
        (Change("flask/streamed_body.py", "            self._save(last=True)\n", ""),),
        ("tests/web/test_streams.py", "-k", "flask and memory and takes_nothing_along"),
    ),
    Mutant(
        "a streamed body saves as it is closed, under Quart too",
        (Change("quart/streamed_body.py", "self._stream.due(last=True)", "None"),),
        ("tests/web/test_streams.py", "-k", "quart and memory and takes_nothing_along"),
    ),
    Mutant(
        "generators that Quart leaves to the loop are waited for",
        (Change("quart/streamed_body.py", "    if closing:", "    if False:"),),
        ("tests/web/test_streams.py", "-k", "memory and may_await"),
    ),
    Mutant(
        "an emptied session keeps its record while its page is streamed",
        (Change("streamed_bodies.py", "(state.blocks or self._is_emptied())", "state.blocks"),),
        ("tests/web/test_streams.py", "-k", "memory and make_room"),
    ),
    Mutant(
        "a store that is down is not asked after each chunk",
        (
            Change(
                "streamed_bodies.py",
                "if not last and self._app_sessions.current_time() <",
                "if False and 0 <",
            ),
        ),
        ("tests/web/test_streams.py", "-k", "memory and error_in_the_log"),
    ),
    Mutant(
        "the signal of what is not saved",
        (Change("streamed_bodies.py", "if self._reason is not None:", "if False:"),),
        ("tests/web/test_streams.py", "-k", "memory and error_in_the_log"),
    ),
    Mutant(
        "a streamed body begins no session",
        (
            Change(
                "app_sessions.py",
                "            if state.keeps_nothing():\n",
                "            if False:\n",
            ),
        ),
        ("tests/web/test_streams.py", "-k", "memory and cannot_begin_a_session"),
    ),
    Mutant(
        "a streamed body begins no session after it has ended one",
        (
            Change(
                "streamed_bodies.py",
                "        if state_of(session).keeps_nothing():",
                "        if False:",
            ),
        ),
        ("tests/web/test_streams.py", "-k", "memory and in_a_later_chunk"),
    ),
    Mutant(
        "a streamed body gives no new secret",
        (
            Change(
                "core/late_writes.py", "        return _NO_NEW_SECRET\n", "        return None\n"
            ),
        ),
        ("tests/web/test_streams.py", "-k", "memory and cannot_give"),
    ),
    Mutant(
        "a streamed body varies by Cookie",
        (Change("answering.py", "if streaming and reply is UNTOUCHED:", "if False:"),),
        ("tests/web/test_streams.py", "-k", "memory and varies"),
    ),
    Mutant(
        "a write when the response is made is warned of",
        (Change("core/late_writes.py", "        _warn(_unsaved(state), place())", "        pass"),),
        ("tests/web/test_late_writes.py", "-k", "memory and warned_of_where"),
    ),
    Mutant(
        "a nested change when the response is made is warned of",
        (
            Change(
                "core/late_writes.py", "        if image != state.loan.image:", "        if False:"
            ),
        ),
        ("tests/web/test_late_writes.py", "-k", "memory and when_the_session_goes"),
    ),
    Mutant(
        "what a block has saved is no loss",
        (Change("core/request_state.py", "self.loan = self.loan._replace(image=image)", "pass"),),
        ("tests/web/test_late_writes.py", "-k", "memory and that_a_block_saves"),
    ),
    Mutant(
        "an end deletes the record",
        (
            Change(
                "core/flow.py",
                "            yield from self._writer.end(session, state.ended)\n",
                "            pass\n",
            ),
        ),
        ("tests/web/test_accounts.py", "-k", "flask and memory and the_end_deletes"),
    ),
    Mutant(
        "a session that ended is ended by its next save",
        (
            Change(
                "core/saving.py",
                "    if not state.journal.has_taken(unsaved):",
                "    if False:",
            ),
        ),
        ("tests/unit/test_accounts.py", "-k", "ended_while_it_is_saved"),
    ),
    Mutant(
        "an owner confirms",
        (Change("core/account.py", "self._state.owner is None:", "False:"),),
        ("tests/web/test_accounts.py", "-k", "flask and memory and only_an_owner_confirms"),
    ),
    Mutant(
        "a confirmation restarts the absolute timeout",
        (Change("core/next_record.py", " or draft.account is Kept.CONFIRMED:", ":"),),
        ("tests/web/test_accounts.py", "-k", "flask and memory and new_authentication"),
    ),
    Mutant(
        "a login without a label has none",
        (Change("core/next_record.py", "        return draft.login.label\n", "        pass\n"),),
        ("tests/web/test_accounts.py", "-k", "flask and memory and stays_until_the_next"),
    ),
    Mutant(
        "a sid that was asked for is the session's",
        (
            Change(
                "core/writing.py",
                "drawn = state_of(session).drawn_sid\n",
                "drawn = None\n",
            ),
        ),
        ("tests/web/test_accounts.py", "-k", "flask and memory and begins_the_session"),
    ),
    Mutant(
        "what was there before a login is older",
        (Change("core/limits.py", "return is_recent, ", "return False, "),),
        ("tests/web/test_limits.py", "-k", "flask and memory and clock_that_was_ahead"),
    ),
    Mutant(
        "logins that race are counted when they are written",
        (
            Change(
                "core/flow.py",
                "return reply if counted is None else (yield from self._kept_to(counted, session, "
                "reply))",
                "return reply",
            ),
        ),
        ("tests/races/test_accounts.py", "-k", "flask and memory and race_one_lives"),
    ),
    Mutant(
        "a refused login leaves nothing to save",
        (Change("core/flow.py", "            saving.refuse(session)\n", ""),),
        ("tests/web/test_limits.py", "-k", "flask and memory and changes_nothing"),
    ),
    Mutant(
        "no new secret when the response is made",
        (
            Change(
                "core/late_writes.py",
                "    elif write in _ACCOUNT or write is Write.REGENERATE:",
                "    elif False:",
            ),
        ),
        ("tests/web/test_late_writes.py", "-k", "memory and gets_no_new_secret"),
    ),
    Mutant(
        "what is written while the response is saved is saved with it",
        (Change("app_sessions.py", "for _ in range(_MEANWHILE):", "for _ in range(0):"),),
        ("tests/web/test_late_writes.py", "-k", "memory and waits_for_its_save"),
    ),
    Mutant(
        "a session whose save failed is kept by no block",
        (
            Change(
                "open_sessions.py", "if state.answered and state.mode is Mode.BROKEN:", "if False:"
            ),
        ),
        ("tests/web/test_late_writes.py", "-k", "memory and keeps_nothing_more"),
    ),
    Mutant(
        "the idle timeout",
        (Change("stores/memory.py", "if expires <= self._clock():", "if False:"),),
        ("tests/faults/test_clocks.py", "-k", "idle_timeout and memory"),
    ),
    Mutant(
        "Vary",
        (Change("headers.py", "    if reply.vary or cookies:", "    if False:"),),
        ("tests/web/test_caching.py", "-k", "memory"),
    ),
    Mutant(
        "an unknown token is not adopted",
        (
            Change(
                "core/opening.py",
                "        found, refused = self._presented(values)\n",
                "        found, refused = self._presented(values)\n"
                "        vars(self._notify)['adopted'] = found[0] if found else None\n",
            ),
            Change(
                "core/writing.py",
                "signed = self._signer.mint(drawn)\n",
                "signed = vars(self._notify)['adopted'] or self._signer.mint(drawn)\n",
            ),
        ),
        ("tests/faults/test_anonymous.py", "-k", "adopted and memory"),
    ),
    Mutant(
        "the absolute deadline",
        (
            Change(
                "core/policy.py",
                "if record.deadline and now >= record.deadline:",
                "if False:",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "absolute and memory"),
    ),
    Mutant(
        "the owner of a file",
        (
            Change(
                "stores/filesystem/locked_directories.py",
                "if found.st_uid != os.geteuid() or found.st_nlink > 1:",
                "if found.st_nlink > 1:",
            ),
        ),
        ("tests/faults/test_files.py", "-k", "a_file_of_another_user"),
    ),
    Mutant(
        "what has expired is deleted in memory",
        (
            Change(
                "stores/memory.py",
                "if expires <= self._clock():\n            del self._records[key]\n",
                "if expires <= self._clock():\n",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "was_ahead and memory and request"),
    ),
    Mutant(
        "what has expired is deleted in files",
        (
            Change(
                "stores/filesystem/record_files.py",
                "        self.end(shard, name)\n        return None",
                "        return None",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "was_ahead and filesystem and request"),
    ),
    Mutant(
        "what has expired is deleted in SQL",
        (
            Change(
                "stores/sqlalchemy/store.py",
                'connection.execute(self._statements.end, {"key_": key, "seen_": row[2]})',
                'connection.execute(self._statements.load, {"key_": key})',
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "was_ahead and sqlite and request"),
    ),
    Mutant(
        "a life that is too long is cut when it is renewed",
        (
            Change(
                "core/idle_renewal.py",
                "return not now + lifetime <= expires <= self.expiry(now, lifetime)",
                "return not now + lifetime <= expires",
            ),
        ),
        ("tests/stores/test_contract.py", "-k", "clock_that and PutsRenewalOff"),
    ),
    Mutant(
        "a life that is too long is cut exactly when it is renewed",
        (
            Change(
                "core/idle_renewal.py",
                "return expires != self.expiry(now, lifetime)",
                "return expires < self.expiry(now, lifetime)",
            ),
        ),
        ("tests/stores/test_contract.py", "-k", "clock_that and TestFileStore"),
    ),
    Mutant(
        "a life that is too long is cut when it is not renewed",
        (
            Change(
                "core/idle_renewal.py",
                "if expires <= now + longest + self.grace(longest) + SKEW:",
                "if True:",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "was_ahead and filesystem and poll"),
    ),
    Mutant(
        "what is over is deleted when it is opened",
        (Change("core/opening.py", "            _ = yield from self.ending.ends(record)\n", ""),),
        ("tests/faults/test_clocks.py", "-k", "refused_once and memory and request"),
    ),
    Mutant(
        "what is over is deleted when it is listed",
        (
            Change(
                "core/listing.py",
                "over = yield from self._ending.ends(each.record)",
                "over = policy.is_over(each.record, self._clock())",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "refused_once and memory and listing"),
    ),
    Mutant(
        "a login in the future",
        (Change("core/policy.py", "max(record.created, record.auth_time)", "record.created"),),
        ("tests/faults/test_clocks.py", "-k", "refused_once and memory and logged_in"),
    ),
    Mutant(
        "a file of SQLite's is left to other processes after a write",
        (Change("stores/kit/writers_turns.py", "if now >= self._met_until:", "if True:"),),
        ("tests/stores/test_sqlite_turns.py", "-k", "left_to_another"),
    ),
    Mutant(
        "a write of SQLite's that answers rows waits by itself",
        (
            Change(
                "stores/sqlalchemy/sqlite_turns.py", "writes and _answers_rows(context)", "False"
            ),
        ),
        ("tests/stores/test_sqlite_turns.py", "-k", "answers_rows"),
    ),
    Mutant(
        "a file of SQLite's has one writer of a process at a time",
        (
            Change(
                "stores/kit/writers_turns.py",
                "if now < self._taken_until or now < self._free_from:",
                "if now < self._free_from:",
            ),
        ),
        ("tests/stores/test_sqlite_turns.py", "-k", "a_turn"),
    ),
    Mutant(
        "a commit in SQLite that replaces the secret waits for the disk",
        (Change("stores/sqlite/store.py", "transaction.must_last()", "pass"),),
        ("tests/faults/test_sqlite_file.py", "-k", "waits_for_the_disk"),
    ),
    Mutant(
        "a removal in SQLite waits for the disk",
        (
            Change(
                "stores/sqlite/store.py",
                "self._write(work, absent=_GONE, lasts=True)",
                "self._write(work, absent=_GONE)",
            ),
        ),
        ("tests/faults/test_sqlite_file.py", "-k", "waits_for_the_disk"),
    ),
    Mutant(
        "a write of several in SQLite that must last is done in a second transaction",
        (Change("stores/sqlite/writer.py", "        if waiting:\n", "        if False:\n"),),
        ("tests/faults/test_sqlite_file.py", "-k", "waits_for_the_disk"),
    ),
    Mutant(
        "where SQLite gives up a transaction each write is tried alone",
        (
            Change(
                "stores/sqlite/writer.py",
                "if len(some) > 1 and stopwatch() < self._due:",
                "if False:",
            ),
        ),
        ("tests/faults/test_sqlite_file.py", "-k", "tried_alone"),
    ),
    Mutant(
        "a write that fails in SQLite fails alone",
        (
            Change(
                "stores/sqlite/writer.py",
                "if not transaction.connection.in_transaction:",
                "if True:",
            ),
        ),
        ("tests/faults/test_sqlite_file.py", "-k", "own_outcome"),
    ),
    Mutant(
        "several statements of one write in SQLite are undone together",
        (Change("stores/sqlite/rows.py", '_ = connection.execute("ROLLBACK TO one")', "pass"),),
        ("tests/faults/test_sqlite_file.py", "-k", "own_outcome"),
    ),
    Mutant(
        "who may write to the directory of an SQLite file",
        (Change("stores/sqlite/private_file.py", "found.st_mode & 0o022", "False"),),
        ("tests/faults/test_sqlite_file.py", "-k", "directory_that_others"),
    ),
    Mutant(
        "who may read an SQLite file",
        (Change("stores/sqlite/private_file.py", "found.st_mode & 0o077", "False"),),
        ("tests/faults/test_sqlite_file.py", "-k", "others_may_read"),
    ),
    Mutant(
        "a file system that is a network's",
        (Change("stores/sqlite/private_file.py", "if not kinds & _NETWORK:", "if True:"),),
        ("tests/faults/test_sqlite_file.py", "-k", "network"),
    ),
    Mutant(
        "another SQLite file in a file's place",
        (Change("stores/sqlite/reader.py", "if opened.identity == identity:", "if True:"),),
        ("tests/faults/test_sqlite_file.py", "-k", "replaced"),
    ),
    Mutant(
        "a log of SQLite's that has grown too long is begun anew",
        (Change("stores/sqlite/connection.py", '"wal_checkpoint(RESTART)"', '"wal_checkpoint"'),),
        ("tests/faults/test_sqlite_file.py", "-k", "log_is"),
    ),
    Mutant(
        "a connection to SQLite is closed before a fork",
        (Change("stores/kit/forks.py", "keeper.hold()", "pass"),),
        ("tests/faults/test_sqlite_file.py", "-k", "child_writes"),
    ),
    Mutant(
        "an SQLite file that stays locked is given up",
        (
            Change(
                "stores/sqlite/connection.py",
                "if stopwatch() >= due or not is_busy(error):",
                "if not is_busy(error):",
            ),
        ),
        ("tests/faults/test_sqlite_file.py", "-k", "stays_locked and SYNC"),
    ),
    Mutant(
        "a database of something else is no file of sessions",
        (
            Change(
                "stores/sqlite/connection.py",
                'if connection.execute("SELECT 1 FROM sqlite_master").fetchall():',
                "if False:",
            ),
        ),
        ("tests/faults/test_sqlite_file.py", "-k", "something_else"),
    ),
    Mutant(
        "the names that a purge looks at",
        (
            Change(
                "stores/filesystem/purge.py",
                "return name.startswith(prefix) and names.fullmatch(name) is not None",
                "return True",
            ),
        ),
        ("tests/faults/test_foreign_files.py",),
    ),
    Mutant(
        "the kind and owner of a file that a purge deletes",
        (
            Change(
                "stores/filesystem/purge.py",
                "ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()",
                "ours = True",
            ),
        ),
        ("tests/faults/test_foreign_files.py", "-k", "purge_looks"),
    ),
    Mutant(
        "the checksum of a version in a file",
        (
            Change(
                "stores/filesystem/versions.py",
                "if _FOOT.unpack_from(raw, foot) != (crc32(covered), size):",
                "if _FOOT.unpack_from(raw, foot)[1] != size:",
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "differs or lost_with"),
    ),
    Mutant(
        "a version says when it expires, too",
        (
            Change(
                "stores/filesystem/versions.py", "return max(self.expires, mtime", "return (mtime"
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "killed"),
    ),
    Mutant(
        "a torn file lives on from when it was torn",
        (Change("stores/filesystem/versions.py", "if is_torn else 0)", "if False else 0)"),),
        ("tests/faults/test_file_versions.py", "-k", "lives_on"),
    ),
    Mutant(
        "an append that fails is taken back",
        (Change("stores/filesystem/versions.py", "        os.ftruncate(fd, size)\n", ""),),
        ("tests/faults/test_file_versions.py", "-k", "append_that_fails"),
    ),
    Mutant(
        "a file whose end is torn gets no further version",
        (Change("stores/filesystem/record_files.py", "None if is_torn else end", "end"),),
        ("tests/faults/test_file_versions.py", "-k", "replaced_by_the_next"),
    ),
    Mutant(
        "a file that was replaced on the way is not written to",
        (
            Change(
                "stores/filesystem/record_files.py",
                "expires=expires, end=None)",
                "expires=expires)",
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "on_the_way"),
    ),
    Mutant(
        "an earlier moment needs a version of its own",
        (
            Change(
                "stores/filesystem/record_files.py",
                "if found.end is not None and expires * _NANO >= found.written:",
                "if found.end is not None:",
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "is_cut"),
    ),
    Mutant(
        "a file is on the disk before it has another one's name",
        (
            Change(
                "stores/filesystem/locked_directories.py",
                "if self._fsync or replaces:",
                "if self._fsync:",
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "on_the_disk"),
    ),
    Mutant(
        "no loop's thread waits for a file to be on the disk",
        (
            Change(
                "stores/filesystem/record_files.py",
                "            elif wait:",
                "            elif True:",
            ),
        ),
        ("tests/stores/test_files_together.py", "-k", "without_room"),
    ),
    Mutant(
        "a purge believes no mtime alone",
        (
            Change(
                "stores/filesystem/purge.py",
                "if files.names is NAME and self._files.outlives_mtime(directory, name):",
                "if False:",
            ),
        ),
        ("tests/faults/test_file_versions.py", "-k", "purge_keeps"),
    ),
    Mutant(
        "the content of a record that a purge deletes",
        (
            Change(
                "stores/filesystem/purge.py",
                "return MAGIC.startswith(raw[: len(MAGIC)])",
                "return True",
            ),
        ),
        ("tests/faults/test_foreign_files.py", "-k", "named_as_a_record or purge_looks"),
    ),
    Mutant(
        "the content of an owner's note that a purge deletes",
        (
            Change(
                "stores/filesystem/purge.py",
                "return not raw or name_of(raw) == name",
                "return True",
            ),
        ),
        ("tests/faults/test_foreign_files.py", "-k", "purge_looks"),
    ),
    Mutant(
        "the root of the files is judged whenever it is used",
        (
            Change(
                "stores/filesystem/locked_directories.py",
                "        if reason is not None:\n            os.close(fd)",
                "        if False:\n            os.close(fd)",
            ),
        ),
        ("tests/faults/test_directories.py", "-k", "is_judged"),
    ),
    Mutant(
        "the root of the files is judged without a thread, too",
        (
            Change(
                "stores/filesystem/nonblocking_read.py",
                "if unsound(os.fstat(root)) is not None:",
                "if False:",
            ),
        ),
        ("tests/faults/test_directories.py", "-k", "is_judged"),
    ),
    Mutant(
        "the lock of a directory",
        (
            Change(
                "stores/filesystem/locked_directories.py",
                "fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)",
                "pass",
            ),
        ),
        ("tests/faults/test_directories.py", "-k", "take_a_lock_away"),
    ),
    Mutant(
        "a directory that was locked is still the one at its path",
        (
            Change(
                "stores/filesystem/locked_directories.py", "if self._stands(path, fd):", "if True:"
            ),
        ),
        ("tests/faults/test_directories.py", "-k", "that_waited or beside_the_removal"),
    ),
    Mutant(
        "a frozen clock holds no wait of a loop up",
        (
            Change(
                "run/clocks.py",
                "    return type(time.monotonic) is not BuiltinFunctionType",
                "    return False",
            ),
        ),
        ("tests/faults/test_frozen_waits.py", "-k", "loop", "--timeout=5"),
    ),
    Mutant(
        "a wait that ended does not ring",
        (
            Change("run/loop_time.py", "        if not self._cancelled:", "        if True:"),
            Change("run/loop_time.py", "        self._timer.cancel()", "        pass"),
        ),
        ("tests/faults/test_frozen_waits.py", "-k", "leaves_nothing"),
    ),
    Mutant(
        "an application that runs on trio",
        (Change("quart/interface.py", "on_asyncio(app),", "app,"),),
        ("tests/web/test_event_loops.py", "-k", "for_trio"),
    ),
    Mutant(
        "a server that does not run asyncio",
        (Change("quart/actions.py", "        check_running_loop()\n", ""),),
        ("tests/web/test_event_loops.py", "-k", "at_its_start"),
    ),
    Mutant(
        "keys that everybody knows",
        (Change("framework_settings.py", "    if is_published(key):", "    if False:"),),
        ("tests/unit/test_published_keys.py", "-k", "refused_as"),
    ),
    Mutant(
        "the time is looked up late",
        (
            Change("app_sessions.py", "clock or system_time", "clock or __import__('time').time"),
            Change("stores/memory.py", "clock: Clock = system_time", "clock: Clock = lambda: 0.0"),
        ),
        ("tests/web/test_frozen_time.py", "-k", "memory and (absolute or given)"),
    ),
    Mutant(
        "a frozen clock holds no wait up",
        (
            Change(
                "run/clocks.py",
                "return time.clock_gettime(_MONOTONIC)",
                "return time.monotonic()",
            ),
        ),
        ("tests/faults/test_frozen_waits.py", "-k", "over_in_time"),
    ),
    Mutant(
        "settings that change after the first request",
        (Change("current_settings.py", "seen.read(settings) == seen.values", "True"),),
        ("tests/web/test_changing_settings.py", "-k", "memory and first_one_on"),
    ),
    Mutant(
        "settings that come after the first request",
        (Change("current_settings.py", "len(settings) == seen.size and ", ""),),
        ("tests/web/test_changing_settings.py", "-k", "memory and too_late"),
    ),
    Mutant(
        "a list among the settings that changes in place",
        (Change("current_settings.py", "= (list, set, dict)", "= (set, dict)"),),
        ("tests/web/test_changing_settings.py", "-k", "memory and in_place"),
    ),
    Mutant(
        "a wrong setting leaves the others to count",
        (
            Change(
                "current_settings.py",
                "self._made_of_usable(flasks, _flasks(before.parts.config.settings))",
                "before.parts",
            ),
        ),
        ("tests/web/test_changing_settings.py", "-k", "memory and beside_a_wrong"),
    ),
    Mutant(
        "a wrong setting is told of once",
        (Change("current_settings.py", "        if what in self._told:", "        if False:"),),
        ("tests/web/test_changing_settings.py", "-k", "memory and wrong_value"),
    ),
    Mutant(
        "settings by turns are built once",
        (Change("current_settings.py", "            self._built[key] = found\n", ""),),
        ("tests/web/test_changing_settings.py", "-k", "memory and by_turns_build"),
    ),
    Mutant(
        "a read session is renewed for the timeout that came meanwhile",
        (
            Change(
                "core/upkeep.py",
                "        if state.renew and self._has_other_timeout(state, loaded.record):",
                "        if False:",
            ),
        ),
        ("tests/web/test_changing_settings.py", "-k", "memory and only_reads"),
    ),
    Mutant(
        "a session that was only read waits for its record to be renewed",
        (
            Change(
                "core/upkeep.py",
                "return self._reseals(state, record) or self._filing.index_is_stale(record)",
                "return False",
            ),
        ),
        ("tests/web/test_key_rotation.py", "-k", "memory and only_read"),
    ),
    Mutant(
        "a read session is sealed by the key that came meanwhile",
        (
            Change(
                "core/upkeep.py",
                "reseals = self._reseals(state, loaded.record) and cookie_possible",
                "reseals = False",
            ),
        ),
        ("tests/web/test_changing_settings.py", "-k", "memory and change_of_the_key"),
    ),
    Mutant(
        "an owner's note is renewed when timeouts grow",
        (
            Change(
                "core/filing.py",
                "            record.indexed <= self._horizon.grown\n            or ",
                "            ",
            ),
        ),
        ("tests/unit/test_flow.py", "-k", "timeouts_grew"),
    ),
    Mutant(
        "the size of a cookie",
        (Change("core/cookie.py", "if size > MAX_BYTES:", "if False:"),),
        ("tests/faults/test_cookies.py", "-k", "4096"),
    ),
    Mutant(
        "the arguments of what raises",
        (Change("core/tracebacks.py", "del args, kwargs", "pass"),),
        ("tests/faults/test_tracker.py", "-k", "session_offers"),
    ),
    Mutant(
        "the frames that a session's method called",
        (
            Change(
                "core/tracebacks.py",
                "cannot be cleared\n            clear_locals(error)",
                "cannot be cleared",
            ),
        ),
        ("tests/faults/test_tracker.py", "-k", "session_offers"),
    ),
    Mutant(
        "the locals of get",
        (Change("core/session.py", "del self, key, default, value", "pass"),),
        ("tests/faults/test_tracker.py", "-k", "session_offers"),
    ),
    Mutant(
        "the locals of Flask's save",
        (Change("flask/interface.py", "del session, ours", "pass"),),
        ("tests/faults/test_tracker.py", "-k", "cannot_be_saved and flask and memory"),
    ),
    Mutant(
        "the locals of Quart's save",
        (Change("quart/interface.py", "del session, ours", "pass"),),
        ("tests/faults/test_tracker.py", "-k", "cannot_be_saved and quart and memory"),
    ),
    Mutant(
        "a session in the frames of others",
        (Change("core/session.py", "__sentry_repr__ = __repr__", "__sentry_repr = __repr__"),),
        ("tests/faults/test_tracker.py", "-k", "store_that_is_down and memory"),
    ),
    Mutant(
        "the cookie in the frames of an opening that raises",
        (
            Change(
                "flask/interface.py",
                "            clear_locals(error)\n            raise\n        return",
                "            raise\n        return",
            ),
        ),
        ("tests/faults/test_tracker.py", "-k", "elsewhere and flask and predicate"),
    ),
    Mutant(
        "the rows that an engine logs",
        (
            Change(
                "stores/sqlalchemy/engines.py",
                "lambda record: record.levelno > logging.DEBUG",
                "lambda record: True",
            ),
        ),
        ("tests/faults/test_debug_logs.py", "-k", "engine"),
    ),
    Mutant(
        "threads of our own",
        (
            Change(
                "run/aio.py",
                "return threads(long=blocking.long).begin(blocking)",
                'return __import__("asyncio").to_thread(blocking.work)',
            ),
        ),
        ("tests/faults/test_slow_views.py", "-k", "filesystem and no_session and 8"),
    ),
    Mutant(
        "who waits for a lock has no thread",
        (Change("run/threads.py", "if line.under_way >= task.turn.abreast:", "if False:"),),
        ("tests/faults/test_slow_views.py", "-k", "lock or stalls"),
    ),
    Mutant(
        "long work has threads of its own",
        (Change("run/aio.py", "threads(long=blocking.long)", "threads(long=False)"),),
        ("tests/unit/test_threads.py", "-k", "long_work"),
    ),
    Mutant(
        "a StopIteration of blocking work",
        (
            Change(
                "core/steps.py",
                "except StopIteration as error:",
                "except StopAsyncIteration as error:",
            ),
        ),
        ("tests/unit/test_threads.py", "-k", "raises", "--timeout=10"),
    ),
    Mutant(
        "threads hold up no end of a process",
        (Change("run/threads.py", "daemon=True", "daemon=False"),),
        ("tests/unit/test_threads.py", "-k", "process_ends"),
    ),
    Mutant(
        "a forked process has no threads yet",
        (Change("run/threads.py", "os.register_at_fork(after_in_child=_made.clear)", "pass"),),
        ("tests/unit/test_threads.py", "-k", "forked"),
    ),
    Mutant(
        "a forked process has no group's thread yet",
        (Change("run/groups.py", "os.register_at_fork(after_in_child=_made.clear)", "pass"),),
        ("tests/unit/test_groups.py", "-k", "forked"),
    ),
    Mutant(
        "an item that nobody waits for is not begun",
        (Change("run/groups.py", "if not task.future.cancelled():", "if True:"),),
        ("tests/unit/test_groups.py", "-k", "nobody"),
    ),
    Mutant(
        "work waits for no long turn of a loop",
        (
            Change(
                "run/groups.py",
                "elif (now := stopwatch()) - self._asked >= _WAKE_AFTER:",
                "elif (now := stopwatch()) < 0:",
            ),
        ),
        ("tests/unit/test_groups.py", "-k", "takes_long", "--timeout=20"),
    ),
    Mutant(
        "one stuck item holds up no other",
        (
            Change(
                "run/groups.py",
                "while self._to_do:\n                _do_alone",
                "while False:\n                _do_alone",
            ),
        ),
        ("tests/unit/test_groups.py", "-k", "holds_up", "--timeout=20"),
    ),
    Mutant(
        "an idle thread ends only if no work comes",
        (Change("run/threads.py", "if self._load < self._alive:", "if True:"),),
        ("tests/unit/test_threads.py", "-k", "work_comes"),
    ),
    Mutant(
        "a receiver's error",
        (Change("signals.py", "except Exception as error:", "except SystemExit as error:"),),
        ("tests/web/test_receivers.py", "-k", "save_stands"),
    ),
    Mutant(
        "a receiver's StopIteration in a thread",
        (Change("signals.py", "except StopIteration as error:", "except SystemExit as error:"),),
        ("tests/web/test_receivers.py", "-k", "save_stands and StopIteration", "--timeout=10"),
    ),
    Mutant(
        "signals of what failed steps did",
        (
            Change(
                "run/aio.py",
                "await _do_left(outer, error)",
                "pass",
            ),
        ),
        ("tests/unit/test_run.py", "-k", "left"),
    ),
    Mutant(
        "steps within steps keep what they left apart",
        (
            Change("run/sync.py", "if left is not outer:", "if left:"),
            Change("run/aio.py", "if left is outer or", "if not left or"),
        ),
        ("tests/unit/test_run.py", "-k", "each_steps"),
    ),
    Mutant(
        "data with other keys than names is packed anew once",
        (
            Change(
                "core/values.py",
                "                raise _OtherKeysError from error\n",
                "                return _Packer(careful=True).pack(value)\n",
            ),
        ),
        ("tests/unit/test_encoding_cost.py", "-k", "encoded_twice"),
    ),
    Mutant(
        "members of an Enum are refused in records",
        (
            Change(
                "core/values.py",
                "        if is_member(value):\n            raise _UnfitError\n",
                "",
            ),
        ),
        ("tests/unit/test_subclasses.py", "-k", "codec and advice"),
    ),
    Mutant(
        "members of an Enum are refused in cookies",
        (
            Change(
                "core/cookie_only/tagged_json.py",
                "if type(value) not in _PLAIN and is_member(value):",
                "if False:",
            ),
        ),
        ("tests/unit/test_subclasses.py", "-k", "tagged and advice"),
    ),
    Mutant(
        "objects that add data to their base's are refused",
        (Change("core/subclasses.py", "None if _adds_data(value, kind) else kind", "kind"),),
        ("tests/unit/test_subclasses.py", "-k", "advice"),
    ),
    Mutant(
        "fields of a subclass are seen",
        (Change("core/subclasses.py", "and not hasattr(base, name)", "and False"),),
        ("tests/unit/test_subclasses.py", "-k", "advice"),
    ),
    Mutant(
        "the error of data that cannot be stored is told once",
        (Change("app_sessions.py", "return before == str(error)", "return False"),),
        ("tests/web/test_values.py", "-k", "one_traceback"),
    ),
    Mutant(
        "another error of the error page is told, too",
        (Change("app_sessions.py", "return before == str(error)", "return before is not None"),),
        ("tests/web/test_values.py", "-k", "put_right"),
    ),
    Mutant(
        "guesses at the settings of a store are refused",
        (
            Change(
                "settings.py",
                "others = None if known else prefix_of(kind)",
                "others = prefix_of(kind)",
            ),
        ),
        ("tests/unit/test_peers_settings.py", "-k", "guess"),
    ),
    Mutant(
        "a read renews what is due",
        (
            Change(
                "stores/kit/renewing_load.py",
                "found if due is None else touch(found, due)",
                "found",
            ),
        ),
        ("tests/stores/test_contract.py", "-k", "renew"),
    ),
    Mutant(
        "no error quotes a secret setting",
        (Change("reading_settings.py", "        if self.is_secret:\n", "        if False:\n"),),
        ("tests/stores/test_by_others.py", "-k", "secret"),
    ),
    Mutant(
        "no repr shows a secret setting",
        (Change("reading_settings.py", "repr=not secret", "repr=True"),),
        ("tests/stores/test_by_others.py", "-k", "secret"),
    ),
    Mutant(
        "a setting that a store needs",
        (Change("reading_settings.py", "if each.needed and ", "if False and "),),
        ("tests/stores/test_by_others.py", "-k", "needs"),
    ),
    Mutant(
        "a store by others declares settings of its own name alone",
        (Change("stores/__init__.py", 'if not f"{each.name}_".startswith(begin):', "if False:"),),
        ("tests/stores/test_by_others.py", "-k", "another_name"),
    ),
    Mutant(
        "the settings that a store by others declares are known",
        (Change("stores/__init__.py", "return {name: kind}", "return {}"),),
        ("tests/stores/test_by_others.py", "-k", "misspelt"),
    ),
    Mutant(
        "a default path begins at the application's own directory",
        (Change("reading_settings.py", "self.at_home and ", "False and "),),
        ("tests/stores/test_by_others.py", "-k", "home"),
    ),
    Mutant(
        "settings of the peers that must be written otherwise are refused",
        (Change("setting_names.py", "if name in peers.write_instead:", "if False:"),),
        ("tests/unit/test_peers_settings.py", "-k", "fate"),
    ),
    Mutant(
        "the interface tells of the cookie as it is sent",
        (Change("interface_answers.py", "return self._cookie.samesite", "return None"),),
        ("tests/web/test_interface.py", "-k", "as_it_is_sent"),
    ),
    Mutant(
        "a set in a set is spelled once",
        (Change("core/cookie_only/tagged_json.py", "if type(value) is _Members:", "if False:"),),
        ("tests/unit/test_encoding_cost.py", "-k", "spelled_once"),
    ),
    Mutant(
        "the save of a WebSocket whose client leaves",
        (
            Change(
                "quart/sockets.py",
                "if session is not None and isinstance(error, asyncio.CancelledError):",
                "if False:",
            ),
        ),
        ("tests/races/test_sockets.py", "-k", "memory and before_the_client_left"),
    ),
    Mutant(
        "a WebSocket's handler lives until the loop cancels it",
        (
            Change(
                "quart/sockets.py",
                "self._open: dict[asyncio.Task[Any], ServerSession] = {}",
                'self._open: Any = __import__("weakref").WeakKeyDictionary()',
            ),
        ),
        ("tests/races/test_sockets.py", "-k", "server_that_ends"),
    ),
    Mutant(
        "a WebSocket's save finishes",
        (Change("run/aio.py", "while not work.done():", "if not work.done():"),),
        ("tests/unit/test_run.py", "-k", "must_finish"),
    ),
    Mutant(
        "a block's save in a WebSocket finishes",
        (Change("quart/actions.py", "finished(work) if of_socket else work", "work"),),
        ("tests/races/test_sockets.py", "-k", "memory and counts_once"),
    ),
    Mutant(
        "a change that the browser cannot be told in a WebSocket",
        (Change("core/cookie_only/flow.py", "if changed and text is not None:", "if False:"),),
        ("tests/races/test_sockets.py", "-k", "cookie"),
    ),
    Mutant(
        "of several live sessions none counts",
        (Change("core/opening.py", "        if len(live) == 1:\n", "        if live:\n"),),
        ("tests/faults/test_several_cookies.py", "-k", "of_two_live and memory"),
    ),
    Mutant(
        "how many tokens are looked up",
        (
            Change(
                "core/opening.py",
                "        if len(found) > MAX_TOKENS:\n            self._notify(",
                "        if len(found) > 99:\n            self._notify(",
            ),
            Change(
                "core/opening.py",
                "            if len(found) > MAX_TOKENS:\n                break\n",
                "",
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "more_than_four and memory"),
    ),
    Mutant(
        "nothing is renewed for a token that may be another's",
        (
            Change(
                "core/opening.py",
                "self._looked_up(signed, renew=False, device=device)",
                "self._looked_up(signed, renew=renew, device=device)",
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "none_is_renewed and memory"),
    ),
    Mutant(
        "a request with several cookies gets ours",
        (
            Change(
                "core/flow.py",
                "must = state.modified or state.due or several\n",
                "must = state.modified or state.due\n",
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "heals_at_the_next and memory"),
    ),
    Mutant(
        "no cookie is deleted elsewhere without one of ours",
        (
            Change(
                "core/cleanup.py",
                " if cookie is not None or new else None\n",
                "\n",
            ),
        ),
        ("tests/unit/test_flow.py", "-k", "without_a_cookie_of_ours"),
    ),
    Mutant(
        "no cookie is deleted elsewhere when the session was not saved",
        (
            Change(
                "core/request_state.py",
                "        if self.cleanup is None or self.mode is Mode.BROKEN:\n",
                "        if self.cleanup is None:\n",
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "store_is_down and memory"),
    ),
    Mutant(
        "the scopes of a __Host- name",
        (
            Change(
                "core/cookie.py",
                '        if self.name.lower().startswith("__host-"):\n            return []',
                '        if self.name.startswith("__host-"):\n            return []',
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "one_scope and memory"),
    ),
    Mutant(
        "the cookie's twin in the other partition",
        (Change("core/cookie.py", "        if not beside_ours:\n", "        if False:\n"),),
        ("tests/unit/test_scopes.py", "-k", "own_scope"),
    ),
    Mutant(
        "ours comes after those that are deleted",
        (
            Change(
                "headers.py",
                "[*writer.elsewhere(deleted.elsewhere, beside_ours=bool(cookies)), *cookies]",
                "[*cookies, *writer.elsewhere(deleted.elsewhere, beside_ours=bool(cookies))]",
            ),
        ),
        ("tests/faults/test_several_cookies.py", "-k", "heals_at_the_next and memory"),
    ),
    Mutant(
        "a host that is an address",
        (Change("core/scopes.py", "    if _NUMBER.fullmatch(labels[-1]):\n", "    if False:\n"),),
        ("tests/faults/test_several_cookies.py", "-k", "is_no_name and memory"),
    ),
    Mutant(
        "SESSION_COOKIE_DOMAIN is a host name",
        (
            Change(
                "core/cookie.py",
                "if self.domain is not None and cookie_domain(self.domain) is None:",
                "if False:",
            ),
        ),
        ("tests/unit/test_settings.py", "-k", "domain or COOKIE_DOMAIN or refused"),
    ),
    Mutant(
        "SESSION_COOKIE_PATH is a path",
        (Change("core/cookie.py", " or NO_PATH.search(self.path):", ":"),),
        ("tests/unit/test_cookie.py", "-k", "drop"),
    ),
    Mutant(
        "headers that caches heed in place of Cache-Control",
        (Change("headers.py", "        if name.endswith(_INSTEAD):\n", "        if False:\n"),),
        ("tests/web/test_caching.py", "-k", "in_place_of and memory"),
    ),
    Mutant(
        "private with the names of fields",
        (
            Change(
                "headers.py",
                'kept.append("private" if name == "private" else directive)',
                "kept.append(directive)",
            ),
        ),
        ("tests/web/test_caching.py", "-k", "shared_caches and memory"),
    ),
    Mutant(
        "public and s-maxage",
        (Change("headers.py", 'and name not in ("public", "s-maxage"):', 'and name != "public":'),),
        ("tests/web/test_caching.py", "-k", "shared_caches and memory"),
    ),
    Mutant(
        "must-understand",
        (Change("headers.py", ' or "must-understand" in names)', ")"),),
        ("tests/web/test_caching.py", "-k", "shared_caches and memory"),
    ),
    Mutant(
        "what visitors cause is no warning",
        (Change("signals.py", ", **dict.fromkeys(BY_VISITORS, logging.INFO)}", "}"),),
        ("tests/web/test_noise.py", "-k", "one_line and memory"),
    ),
    Mutant(
        "an audit of nobody's sessions",
        (
            Change(
                "audit.py",
                "if owner is None and event not in _OF_ANYBODY and not self._anonymous:",
                "if False:",
            ),
        ),
        ("tests/web/test_audit.py", "-k", "memory and without_an_account"),
    ),
    Mutant(
        "an audit apart from the ordinary log",
        (Change("audit.py", "ours.propagate = False", "ours.propagate = True"),),
        ("tests/web/test_audit.py", "-k", "memory and ordinary_log"),
    ),
    Mutant(
        "what an owner's name does to the audit",
        (Change("audit.py", "ensure_ascii=True", "ensure_ascii=False"),),
        ("tests/web/test_audit.py", "-k", "memory and forges_no_line"),
    ),
    Mutant(
        "an audit of one application",
        (Change("audit.py", "connect(receiver, sender=sessions.app)", "connect(receiver)"),),
        ("tests/web/test_audit.py", "-k", "memory and writes_its_own"),
    ),
    Mutant(
        "an account hears that a session is not its own any more",
        (
            Change(
                "core/writing.py",
                "if before is not None and before.owner not in {None, after.owner}:",
                "if before is not None and draft.account is Kept.UNBOUND:",
            ),
        ),
        ("tests/web/test_signals.py", "-k", "memory and any_more"),
    ),
    Mutant(
        "a notice shows nobody",
        (
            Change(
                "core/events.py",
                "owner: str | None = field(default=None, repr=False)",
                "owner: str | None = None",
            ),
        ),
        ("tests/unit/test_flow.py", "-k", "says_whose_it_is"),
    ),
    Mutant(
        "a purpose has a key of its own",
        (
            Change(
                "core/keys.py",
                "    for part in (purpose, *context):\n",
                "    for part in context:\n",
            ),
        ),
        ("tests/unit/test_keys.py", "-k", "purposes"),
    ),
    Mutant(
        "the context of a key",
        (
            Change(
                "core/keys.py",
                '        message += len(encoded).to_bytes(4, "big") + encoded\n',
                "        message += encoded\n",
            ),
        ),
        ("tests/unit/test_keys.py", "-k", "each_part"),
    ),
    Mutant(
        "pages that outrank a static rule",
        (
            Change(
                "exempt.py",
                "        return any(head.startswith(prefix) for head in heads)\n",
                "        return False\n",
            ),
        ),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "pages among static files",
        (
            Change(
                "exempt.py",
                "        if prefix.startswith(self._prefixes):\n            return True\n",
                "",
            ),
        ),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "no converter of the application runs before the session",
        (Change("exempt.py", "    if of == _WERKZEUGS:\n", "    if True:\n"),),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "a static file whose converter may need the session",
        (Change("exempt.py", " or any(value is _UNKNOWN for value in values.values())", ""),),
        ("tests/web/test_exempt.py", "-k", "converter_has and memory"),
    ),
    Mutant(
        "a static rule that redirects",
        (Change("exempt.py", "rule.redirect_to is not None or bool(", "bool("),),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "the slash at the end of an exempt rule",
        (Change("exempt.py", '    pieces[-1] = pieces[-1].rstrip("/")\n', ""),),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "an exempt rule without variables, with a slash",
        (
            Change(
                "exempt.py", ' or path.rstrip("/") in self._literals', " or path in self._literals"
            ),
        ),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "a rule added late that outranks a static one",
        (
            Change(
                "exempt.py",
                " or routes.count == len(tuple(self._app.url_map.iter_rules()))",
                " or True",
            ),
        ),
        ("tests/unit/test_exempt.py", "-k", "added_late"),
    ),
    Mutant(
        "a static rule added late",
        (
            Change(
                "exempt.py",
                "        if routes.views != len(self._app.view_functions):\n",
                "        if routes.views == -1:\n",
            ),
        ),
        ("tests/web/test_exempt.py", "-k", "last_moment and memory"),
    ),
    Mutant(
        "the order of rules that cannot be known",
        (Change("exempt.py", "if rule.endpoint not in several:", "if True:"),),
        ("tests/unit/test_exempt.py", "-k", "order"),
    ),
    Mutant(
        "a static rule that is an alias",
        (Change("exempt.py", " or bool(rule.alias and rule.map.redirect_defaults)", ""),),
        ("tests/unit/test_exempt.py", "-k", "alias"),
    ),
    Mutant(
        "an endpoint that no rule has",
        (Change("exempt.py", "sorted(self._named - endpoints - self._told)", "sorted(())"),),
        ("tests/web/test_exempt.py", "-k", "only_the_endpoint and memory"),
    ),
    Mutant(
        "one warning of dropped writes",
        (Change("exempt.py", "        if what not in self._told:\n", "        if what:\n"),),
        ("tests/web/test_exempt.py", "-k", "hook_that_writes and memory"),
    ),
    Mutant(
        "no login on a static file",
        (
            Change(
                "core/late_writes.py",
                "if state.dropped_at is None or write in _ACCOUNT:",
                "if state.dropped_at is None:",
            ),
        ),
        ("tests/web/test_exempt.py", "-k", "login_on and memory"),
    ),
    Mutant(
        "no write to what the application exempts",
        (Change("exempt.py", "        if endpoint in self._chosen:\n", "        if False:\n"),),
        ("tests/web/test_exempt.py", "-k", "refused and memory"),
    ),
    Mutant(
        "the names of owners",
        (
            Change(
                "core/names.py",
                "if type(owner) is not str or not is_name(owner):",
                "if False:",
            ),
        ),
        ("tests/unit/test_names.py",),
    ),
    Mutant(
        "half of a surrogate pair in a name",
        (
            Change(
                "core/names.py",
                "        and _UNFIT.search(value) is None\n",
                "",
            ),
        ),
        ("tests/unit/test_names.py",),
    ),
    Mutant(
        "the length of a name in bytes",
        (
            Change(
                "core/names.py",
                "        and len(value.encode()) <= MAX_BYTES\n",
                "",
            ),
        ),
        ("tests/unit/test_names.py",),
    ),
    Mutant(
        "the sid of the session that is kept",
        (
            Change(
                "core/names.py",
                "if type(sid) is not str or not is_sid(sid):",
                "if False:",
            ),
        ),
        ("tests/unit/test_names.py",),
    ),
    Mutant(
        "the prefix of a store's keys",
        (
            Change(
                "core/names.py",
                "if type(prefix) is not str or not is_name(prefix) or not prefix.isprintable():",
                "if False:",
            ),
        ),
        ("tests/unit/test_names.py",),
    ),
    Mutant(
        "other tasks' turn between batches",
        (
            Change(
                "run/aio.py",
                "    await asyncio.sleep(0)  # within the old deadline",
                "    # within the old deadline",
            ),
        ),
        ("tests/unit/test_run.py", "-k", "others_run_at_a_checkpoint"),
    ),
    Mutant(
        "the deadline of each batch",
        (
            Change(
                "run/aio.py",
                "        _ = mine.end()\n    if LEFT.get() is not outer:",
                "        return mine\n    if LEFT.get() is not outer:",
            ),
        ),
        ("tests/unit/test_run.py", "-k", "deadline_of_its_own"),
    ),
    Mutant(
        "what a batch left, before the next one",
        (
            Change(
                "run/aio.py",
                "        await _do_left(outer)\n        _ = None",
                "        _ = None",
            ),
        ),
        ("tests/unit/test_run.py", "-k", "before_the_next_one"),
    ),
    Mutant(
        "the size of a batch",
        (
            Change(
                "core/batches.py",
                "self._size = max(1, min(MOST, int(self._size * factor)))",
                "pass",
            ),
        ),
        ("tests/unit/test_batches.py", "-k", "grows or large"),
    ),
    Mutant(
        "a deadline for administration under Quart",
        (
            Change(
                "quart/actions.py",
                "administration), timeout=app_sessions.store_timeout",
                "administration), timeout=None",
            ),
        ),
        ("tests/races/test_administration.py", "-k", "hangs"),
    ),
    Mutant(
        "whose keys are listed",
        (
            Change(
                "core/own_records.py",
                "        return is_sid(key[len(prefix) :])",
                "        return True",
            ),
        ),
        ("tests/unit/test_batches.py", "-k", "never_read"),
    ),
    Mutant(
        "whose session it is by now",
        (
            Change(
                "core/admin.py",
                "theirs = [each for each in records if each.owner == owner and each.sid != keep]",
                "theirs = [each for each in records if each.sid != keep]",
            ),
        ),
        ("tests/unit/test_batches.py", "-k", "another_owner"),
    ),
    Mutant(
        "the end of what is over by another clock",
        (
            Change(
                "core/own_records.py",
                "        return [record for record in opened if record is not None]",
                "        return [each for each in opened if each and not self._is_over(each)]",
            ),
        ),
        ("tests/unit/test_batches.py", "-k", "ended_and_not_counted"),
    ),
    Mutant(
        "the grace in when a session was seen",
        (
            Change(
                "core/idle_renewal.py",
                "idle=lifetime + self.grace(lifetime) - left",
                "idle=lifetime - left",
            ),
        ),
        ("tests/stores/test_contract.py", "-k", "PutsRenewalOff and told_by_a_store"),
    ),
    Mutant(
        "a moment that another timeout gives",
        (
            Change(
                "core/own_records.py",
                "if idle is None or not record.created - SKEW <= now - idle <= now + SKEW:",
                "if idle is None:",
            ),
        ),
        ("tests/web/test_session_info.py", "-k", "another_one_since and memory"),
    ),
    Mutant(
        "the keys that a page leaves over",
        (
            Change(
                "core/batches.py",
                "known = [*self._keys, *self._listed]",
                "known: list[str] = []",
            ),
        ),
        ("tests/web/test_all_sessions.py", "-k", "more_than_was_asked_for"),
    ),
    Mutant(
        "whose mark a page is asked for with",
        (
            Change(
                "core/marks.py",
                "if self._sealer.has_tagged(tag, text):",
                "if text:",
            ),
        ),
        ("tests/web/test_all_sessions.py", "-k", "mark and memory"),
    ),
    Mutant(
        "what is over in a count",
        (
            Change(
                "core/everyone.py",
                "sum(not policy.is_over(record, self._clock()) for record in records)",
                "len(records)",
            ),
        ),
        ("tests/web/test_all_sessions.py", "-k", "time_is_over and memory"),
    ),
    Mutant(
        "where a page begins",
        (
            Change(
                "core/listing.py",
                "for each in more if each[0] > start",
                "for each in more",
            ),
        ),
        ("tests/web/test_administration.py", "-k", "page_begins and memory"),
    ),
    Mutant(
        "the form of a place",
        (
            Change(
                "core/listing.py",
                "    if found is None:\n        raise InvalidName(",
                "    if False:\n        raise InvalidName(",
            ),
        ),
        ("tests/web/test_administration.py", "-k", "cannot_be_asked_for"),
    ),
    Mutant(
        "the patterns in a prefix for Redis",
        (
            Change(
                "stores/redis/commands.py",
                '_PATTERNS.sub(r"\\\\\\g<0>", prefix) + "*"',
                'prefix + "*"',
            ),
        ),
        ("tests/stores/test_contract.py", "-k", "prefix_are_listed and Redis"),
    ),
    Mutant(
        "an index of another type in Redis",
        (
            Change(
                "stores/redis/scripts.py",
                "  redis.call('DEL', KEYS[1])\nend\nredis.call('ZADD'",
                "  return swept\nend\nredis.call('ZADD'",
            ),
        ),
        ("tests/faults/test_planted_indexes.py", "-k", "another_type and redis"),
    ),
    Mutant(
        "an endless note in Redis",
        (
            Change(
                "stores/redis/scripts.py",
                "if not last or last > latest then last = latest end",
                "",
            ),
        ),
        ("tests/faults/test_planted_indexes.py", "-k", "entry_of_the_index and redis"),
    ),
    Mutant(
        "a file in the place of an owner's directory",
        (
            Change(
                "stores/filesystem/owner_notes.py",
                '            self._tree.make_way(f"{_path(owner)}/{_note(key)[0]}")\n',
                "            raise\n",
            ),
        ),
        ("tests/faults/test_planted_indexes.py", "-k", "filesystem"),
    ),
    Mutant(
        "a row whose columns have other types",
        (
            Change(
                "stores/sqlalchemy/tables.py",
                "if not isinstance(record, bytes | bytearray | memoryview) or",
                "if False and",
            ),
        ),
        ("tests/faults/test_planted_indexes.py", "-k", "sqlite and another_type"),
    ),
    Mutant(
        "a key in SQLite that is no text",
        (
            Change(
                "stores/sqlalchemy/many_rows.py",
                '    is_sqlite = connection.dialect.name == "sqlite"',
                "    is_sqlite = False",
            ),
        ),
        ("tests/faults/test_planted_indexes.py", "-k", "sqlite and index"),
    ),
    Mutant(
        "a cookie given for a sid on the command line",
        (
            Change(
                "cli/arguments.py",
                'shown = f"{value!r}" if _OPTION.fullmatch(value) else "the argument"',
                'shown = f"{value!r}"',
            ),
        ),
        ("tests/web/test_cli.py", "-k", "not_repeated and memory"),
    ),
    Mutant(
        "the question before everyone's sessions end",
        (
            Change(
                "cli/ending.py",
                "    if not asked:\n",
                "    if False:\n",
            ),
        ),
        ("tests/web/test_cli.py", "-k", "asks and memory"),
    ),
    Mutant(
        "the exit status of nothing ended",
        (
            Change(
                "cli/ending.py",
                "end(ExitCode.DONE if ended else ExitCode.NOTHING)",
                "end(ExitCode.DONE)",
            ),
        ),
        ("tests/web/test_cli.py", "-k", "revoke_ends_one and memory"),
    ),
    Mutant(
        "a cookie among the words of click's complaint",
        (
            Change(
                "cli/arguments.py",
                '_TOKEN.sub("...", error.format_message())',
                "error.format_message()",
            ),
        ),
        ("tests/web/test_cli.py", "-k", "not_repeated and memory"),
    ),
    Mutant(
        "a warning with --strict",
        (
            Change(
                "cli/doctor.py",
                "is_well = worst_of(found) < Level.WARNING",
                "is_well = worst_of(found) < Level.ERROR",
            ),
        ),
        ("tests/web/test_doctor.py", "-k", "strict"),
    ),
    Mutant(
        "a store that is down is told by the doctor's exit code",
        (Change("cli/doctor.py", "        if reached is False:\n", "        if False:\n"),),
        ("tests/web/test_doctor.py", "-k", "is_down and memory"),
    ),
    Mutant(
        "values are shown where it is asked for alone",
        (
            Change(
                "cli/listing.py",
                'return {**found, "value": repr(entry.value)} if with_value else found',
                'return {**found, "value": repr(entry.value)}',
            ),
        ),
        ("tests/web/test_cli_listing.py", "-k", "no_values and memory"),
    ),
    Mutant(
        "a session that is over is not shown",
        (
            Change(
                "core/stored.py",
                "if found is None or policy.is_over(found.record, self._clock()):",
                "if found is None:",
            ),
        ),
        ("tests/web/test_cli_listing.py", "-k", "that_is_over and memory"),
    ),
    Mutant(
        "control characters on the terminal",
        (Change("cli/output.py", "    if text.isprintable():\n", "    if True:\n"),),
        ("tests/web/test_doctor.py", "-k", "by_others"),
    ),
    Mutant(
        "the application's own directory",
        (
            Change(
                "app_sessions.py",
                "stores.read_config(settings, home=home_of(self.app))",
                "stores.read_config(settings)",
            ),
        ),
        ("tests/web/test_file_directory.py", "-k", "beside_the_application"),
    ),
    Mutant(
        "a ping looks at the directory of the files",
        (Change("stores/filesystem/store.py", "call(self._tree.check)", "call(lambda: None)"),),
        ("tests/web/test_health.py", "-k", "directory"),
    ),
    Mutant(
        "a ping asks each node of a Cluster",
        (Change("stores/redis/store.py", "names if len(names) > 1 else ()", "()"),),
        ("tests/topology/test_cluster.py", "-k", "a_ping_misses"),
    ),
    Mutant(
        "a span holds no words of an error",
        (Change("otel.py", "outages.reason(error))", "str(error))"),),
        ("tests/web/test_otel.py", "-k", "fixed_words"),
    ),
    Mutant(
        "who has gone is no outage",
        (Change("otel.py", "if not isinstance(error, Exception):", "if False:"),),
        ("tests/web/test_otel.py", "-k", "cancelled"),
    ),
    Mutant(
        "a wait that was too long is told from a caller who has gone",
        (Change("run/timeout.py", "wait.task.cancel(LATE)", "wait.task.cancel()"),),
        ("tests/web/test_otel.py", "-k", "too_long"),
    ),
    Mutant(
        "a span ends whatever becomes of its operation",
        (
            Change(
                "core/observed_store.py",
                "except BaseException as error:",
                "except ValueError as error:",
            ),
        ),
        ("tests/unit/test_observed_store.py", "-k", "thrown_away"),
    ),
    Mutant(
        "whose session is revoked",
        (
            Change(
                "core/admin.py",
                "            return False  # another application's, or not a session",
                "            return (yield from remove(self._store, key))",
            ),
        ),
        ("tests/web/test_administration.py", "-k", "nothing_to_speak_of and memory"),
    ),
    Mutant(
        "keys that are looked at before others get their turn",
        (
            Change(
                "core/batches.py",
                "some, self._listed = self._listed[:_LOOKED_AT], self._listed[_LOOKED_AT:]",
                "some, self._listed = self._listed, ()",
            ),
        ),
        ("tests/unit/test_batches.py", "-k", "keys_of_others"),
    ),
    Mutant(
        "the cookie that another request left on a response",
        (Change("reused_response.py", "    _take_cookies(response, found.cookies)\n", ""),),
        ("tests/web/test_shared_responses.py", "-k", "memory"),
    ),
    Mutant(
        "the cookie that an application itself set on a response which it returns again",
        (
            Change(
                "reused_response.py",
                "        if cookie in said:  # of several that are equal the last one is ours\n"
                "            del said[len(said) - 1 - said[::-1].index(cookie)]\n",
                "        said.clear()\n",
            ),
        ),
        ("tests/web/test_shared_responses.py", "-k", "headers_of_others and memory"),
    ),
    Mutant(
        "the headers for caches that another request left on a response",
        (
            Change(
                "reused_response.py",
                "    _take_headers(response, _by_name(found.before), _by_name(found.after))\n",
                "",
            ),
        ),
        ("tests/web/test_shared_responses.py", "-k", "next_visitor and memory"),
    ),
    Mutant(
        "the page of an outage on a response that is returned again",
        (
            Change(
                "reused_response.py",
                "if found.page and found.shown is _body(response):",
                "if False:",
            ),
        ),
        ("tests/web/test_shared_responses.py", "-k", "outage and memory"),
    ),
    Mutant(
        "the misspelt option of a Redis URL",
        (
            Change(
                "stores/redis/url_options.py",
                'raise ConfigError(_unknown(name, known, tls=kind == "SSLConnection"))',
                "found[name] = value",
            ),
        ),
        ("tests/unit/test_redis_url.py", "-k", "misspelt"),
    ),
    Mutant(
        "the word that is neither true nor false",
        (
            Change(
                "stores/redis/url_options.py", "if text.lower() not in _TRUE | _FALSE:", "if False:"
            ),
        ),
        ("tests/unit/test_redis_url.py", "-k", "wrong_type"),
    ),
    Mutant(
        "the option that is said twice",
        (Change("stores/redis/url_options.py", "        if name in found:", "        if False:"),),
        ("tests/unit/test_redis_url.py", "-k", "with_two"),
    ),
    Mutant(
        "the database that is no number",
        (
            Change(
                "stores/redis/url.py",
                "    if not path:\n        return",
                "    if not path.isdigit():\n        return",
            ),
        ),
        ("tests/unit/test_redis_url.py", "-k", "without_being_shown"),
    ),
    Mutant(
        "the certificates that are read at the start",
        (
            Change(
                "stores/redis/sources.py",
                "        check_tls(servers.options)",
                "        pass",
            ),
        ),
        ("tests/unit/test_redis_url.py", "-k", "tls_cannot"),
    ),
    Mutant(
        "the options of a valkey client that are not redis-py's",
        (
            Change(
                "stores/redis/valkey_clients.py",
                'if name in known and value is not None and name != "max_connections"',
                "if True",
            ),
        ),
        ("tests/stores/test_valkey_clients.py", "-k", "client_leads"),
    ),
    Mutant(
        "the words of others in the line of an outage",
        (
            Change(
                "outages.py",
                'told = "" if why is None or why in str(error) else f": {why}"',
                'told = f": {error.__cause__}"',
            ),
        ),
        ("tests/faults/test_outage_log.py", "-k", "another_package"),
    ),
    Mutant(
        "the why where a deadline ended the wait for MongoDB",
        (Change("stores/mongodb/clients.py", "        _explain(error, here())\n", ""),),
        ("tests/faults/test_outage_log.py", "-k", "not_there and mongodb"),
    ),
    Mutant(
        "the node of a Cluster that failed",
        (Change("errors.py", "    if place_of(error) is None:", "    if False:"),),
        ("tests/faults/test_outage_log.py", "-k", "which_node"),
    ),
    Mutant(
        "the password that a URL does not say clearly",
        (Change("stores/kit/server_names.py", "if shortest == longest else UNCLEAR", ""),),
        ("tests/faults/test_outage_log.py", "-k", "not_encoded"),
    ),
    Mutant(
        "the @ too many in the URL of a database",
        (Change("stores/sqlalchemy/engines.py", 'if "@" in (url.host or ""):', "if False:"),),
        ("tests/faults/test_outage_log.py", "-k", "at_too_many"),
    ),
    Mutant(
        "the second Session(app)",
        (
            Change(
                "given_application.py",
                'if hasattr(found.session_interface, "app_sessions"):',
                "if False:",
            ),
        ),
        ("tests/web/test_mistakes.py", "-k", "second_time"),
    ),
    Mutant(
        "Session(app) in an application that serves",
        (Change("given_application.py", "    if _serves(found, framework):", "    if False:"),),
        ("tests/web/test_mistakes.py", "-k", "too_late"),
    ),
    Mutant(
        "the framework of init_app",
        (Change("given_application.py", "    if found != framework:", "    if False:"),),
        ("tests/web/test_mistakes.py", "-k", "others_init_app"),
    ),
    Mutant(
        "the framework that an action is called in",
        (
            Change(
                "misplaced_calls.py",
                "if not _is_active(framework) and _is_active(_OTHER[framework]):",
                "if False:",
            ),
        ),
        ("tests/web/test_mistakes.py", "-k", "other_frameworks_action"),
    ),
    Mutant(
        "the class in place of a store",
        (Change("framework.py", "if isinstance(store, type):", "if False:"),),
        ("tests/web/test_mistakes.py", "-k", "no_store"),
    ),
    Mutant(
        "the command on another process's memory",
        (
            Change(
                "app_sessions.py", "if self._is_of_one_process and not self.serves:", "if False:"
            ),
        ),
        ("tests/web/test_mistakes.py", "-k", "another_process_memory"),
    ),
    Mutant(
        "the several workers with memory",
        (
            Change(
                "app_sessions.py",
                "and worker_processes.are_several(environ, born=self._born):",
                "and False:",
            ),
        ),
        ("tests/web/test_mistakes.py", "-k", "several"),
    ),
    Mutant(
        "the home directory of nobody",
        (
            Change(
                "stores/kit/home_directory.py",
                'if found == path and path.startswith("~"):',
                "if False:",
            ),
        ),
        ("tests/web/test_mistakes.py", "-k", "home_of_nobody"),
    ),
    Mutant(
        "a session of its permanence alone is empty",
        (
            Change(
                "core/request_state.py",
                "return not size or (size == 1 and ",
                "return not size or (False and ",
            ),
        ),
        ("tests/web/test_permanence.py", "-k", "memory and not_begun"),
    ),
    Mutant(
        "a session of its permanence alone deletes no cookie",
        (
            Change(
                "core/request_state.py",
                "return self.due or self.cleared or (self.modified and not self.only_permanence)",
                "return self.due or self.cleared or self.modified",
            ),
        ),
        ("tests/web/test_permanence.py", "-k", "memory and not_begun"),
    ),
    Mutant(
        "a conflict that leaves its permanence alone",
        (Change("core/unsaved_changes.py", "image.keys() <= {PERMANENT_KEY}", "not image"),),
        ("tests/unit/test_flow.py", "-k", "permanence_alone"),
    ),
    Mutant(
        "what modified = False drops",
        (
            Change(
                "core/saving.py",
                "    show(session, {} if kept is None else codec.decode(kept))\n",
                "",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and nothing_of_the_data"),
    ),
    Mutant(
        "what modified = False drops of the changes to replay",
        (Change("core/saving.py", "        state.journal.undone()\n", "        pass\n"),),
        ("tests/web/test_modified.py", "-k", "memory and others_wrote_meanwhile_is_no_change"),
    ),
    Mutant(
        "a logout stands whatever modified says",
        (
            Change(
                "core/saving.py",
                "kept = None if state.cleared else state.base",
                "kept = state.base",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and logout"),
    ),
    Mutant(
        "what is assigned after modified = False saves all",
        (
            Change(
                "core/request_state.py",
                "        self.accessed = self.modified = self.may_differ = self.written = True\n"
                "        self.discarded = False\n",
                "        self.accessed = self.modified = self.may_differ = self.written = True\n",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and saves_all"),
    ),
    Mutant(
        "the cookie of an earlier save goes out whatever modified says",
        (Change("core/saving.py", "    state.due = True\n", "    state.modified = True\n"),),
        ("tests/web/test_modified.py", "-k", "memory and block_saved_stays"),
    ),
    Mutant(
        "a change within a value shows as modified",
        (Change("core/request_state.py", "return now is None or now != known", "return False"),),
        ("tests/web/test_modified.py", "-k", "memory and within_a_value"),
    ),
    Mutant(
        "modified = True in a block restarts the idle timeout",
        (Change("core/flow.py", "in_block and state.modified and state.renew", "False"),),
        ("tests/web/test_modified.py", "-k", "memory and restarts_the_idle"),
    ),
    Mutant(
        "requests that do not renew do not by modified either",
        (
            Change(
                "core/flow.py",
                "in_block and state.modified and state.renew",
                "in_block and state.modified",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and do_not_renew"),
    ),
    Mutant(
        "a block learns that its session ended",
        (
            Change(
                "core/flow.py",
                "data is None or not writer.is_live(record, loaded):",
                "data is None:",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and taken_over_meanwhile"),
    ),
    Mutant(
        "what is not there is not deleted",
        (
            Change(
                "core/session.py",
                "self._take(there=there)\n        if not there:",
                "self._write()\n        if not there:",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "memory and changes_nothing"),
    ),
    Mutant(
        "an event of Socket.IO sends no cookie",
        (
            Change(
                "flask/actions.py",
                'if "event" in vars(request) and "namespace" in vars(request):',
                "if False:",
            ),
        ),
        ("tests/web/test_events.py", "-k", "flask-memory and needs_a_cookie"),
    ),
    Mutant(
        "a view that talked over its socket sends no cookie",
        (Change("flask/actions.py", "if rule is None or not rule.websocket:", "if True:"),),
        ("tests/web/test_events.py", "-k", "memory and talked_over"),
    ),
    Mutant(
        "who is turned away from a socket gets a cookie",
        (
            Change(
                "flask/actions.py",
                "return response is None or response.status_code // 100 not in _TURNED_AWAY",
                "return True",
            ),
        ),
        ("tests/web/test_events.py", "-k", "memory and turned_away"),
    ),
    Mutant(
        "a block in an event sends no cookie",
        (
            Change(
                "open_sessions.py",
                "possible = not (state.of_socket or state.answered)",
                "possible = not state.answered",
            ),
        ),
        ("tests/web/test_events.py", "-k", "memory and block_in_an_event"),
    ),
    Mutant(
        "the cookie of a session that a socket ended",
        (
            Change(
                "core/writing.py",
                "events.EMPTIED_BLINDLY if state_of(session).of_socket else events.EMPTIED",
                "events.EMPTIED",
            ),
        ),
        ("tests/web/test_events.py", "-k", "memory and logout"),
    ),
    Mutant(
        "an outage in an event",
        (
            Change(
                "flask/actions.py",
                "return not state_of(session).of_socket and _is_current(session)",
                "return _is_current(session)",
            ),
        ),
        ("tests/web/test_events.py", "-k", "memory and outage"),
    ),
    Mutant(
        "whose request it is that has begun",
        (Change("given_application.py", ' and _behind_proxy(module.current_app, "") is app', ""),),
        ("tests/web/test_mistakes.py", "-k", "of_another_application_it_is_not"),
    ),
    Mutant(
        "why a suite of others differs",
        (
            Change(
                "../../tests/ecosystem/compare.py",
                "            and self.shows in difference.detail\n",
                "",
            ),
        ),
        ("tests/ecosystem/test_compare.py", "-k", "any_other_difference"),
    ),
    Mutant(
        "a difference that is listed and gone",
        (
            Change(
                "../../tests/ecosystem/compare.py",
                "if (one.project, store) in ran\n",
                "if False and (one.project, store) in ran\n",
            ),
        ),
        ("tests/ecosystem/test_compare.py", "-k", "stale"),
    ),
    Mutant(
        "flashed messages that a test takes out",
        (Change("core/late_writes.py", "return state.in_test", "return True"),),
        ("tests/web/test_late_writes.py", "-k", "late_by_the_application and memory"),
    ),
    Mutant(
        "a redirect of an endpoint that has several rules",
        (Change("exempt.py", "return 0 if _redirects(rule) else 2", "return 2"),),
        ("tests/unit/test_exempt.py", "-k", "only_what"),
    ),
    Mutant(
        "nothing is written from outside to what became another user's session",
        (
            Change(
                "core/loaded.py",
                "return record.sid == self.record.sid and record.owner == self.record.owner",
                "return record.sid == self.record.sid",
            ),
        ),
        ("tests/web/test_outside.py", "-k", "another_users and memory"),
    ),
    Mutant(
        "a write from outside leaves the user's new secret",
        (
            Change(
                "core/writing.py",
                "record = self._filing.next(current, signed, draft)",
                "record = self._filing.next(current, signed, draft)\n"
                "        known = vars(self).setdefault('_known', current.secret_hash)\n"
                "        record = record if signed or record is None else "
                "record._replace(secret_hash=known)",
            ),
        ),
        ("tests/web/test_outside.py", "-k", "new_secret_stays and memory"),
    ),
    Mutant(
        "a session that ended under a block that is outside is told of",
        (Change("core/outside.py", "raise SessionEnded(", "_ = SessionEnded("),),
        ("tests/web/test_outside.py", "-k", "ended_meanwhile and memory"),
    ),
    Mutant(
        "what opens a session from outside renews no timeout",
        (
            Change(
                "core/opening.py",
                "sid, renew=None)",
                "sid, renew=self._rules.lifetimes)",
            ),
        ),
        ("tests/web/test_outside.py", "-k", "restarts_the_idle_timeout and memory"),
    ),
    Mutant(
        "a script's event loop ends without connections",
        (Change("quart/letting_go.py", "if not app_sessions.serves:", "if False:"),),
        ("tests/web/test_outside.py", "-k", "nothing_is_served and redis"),
    ),
    Mutant(
        "what a login wrote while its note was erased is ended",
        (
            Change(
                "core/admin.py",
                "yield from self._end([each for each in late if each.owner == owner])",
                "yield from self._end([])",
            ),
        ),
        ("tests/races/test_administration.py", "-k", "note_is_forgotten and memory"),
    ),
    Mutant(
        "an owner's own name is erased, though none counts that it is noted for",
        (
            Change(
                "core/owner_entries.py",
                "if every or encryption.reads_plain()",
                "if encryption.reads_plain()",
            ),
        ),
        ("tests/web/test_owner_data.py", "-k", "before_encryption and memory"),
    ),
    Mutant(
        "another application's note of an owner stays",
        (Change("core/admin.py", "if key not in kept]", "]"),),
        ("tests/web/test_owner_data.py", "-k", "another_applications and memory"),
    ),
    Mutant(
        "how long a login is fresh",
        (Change("core/freshness.py", "now - at <= minutes * 60", "now >= at"),),
        ("tests/web/test_fresh_logins.py", "-k", "memory and fresh_for_its_minutes"),
    ),
    Mutant(
        "who was cleared away is not fresh",
        (
            Change(
                "core/freshness.py",
                "state.loaded is None or state.cleared or state.owner is None",
                "state.loaded is None",
            ),
        ),
        ("tests/web/test_fresh_logins.py", "-k", "memory and nobody_is_not_fresh"),
    ),
    Mutant(
        "an adopted session is not authenticated",
        (
            Change(
                "core/next_record.py",
                "auth_time=0 if draft.login is None else now",
                "auth_time=0 if owner is None else now",
            ),
        ),
        ("tests/unit/test_adoption.py",),
    ),
    Mutant(
        "the date until which a library's cookie logs in",
        (Change("remembered_logins.py", "app_sessions.current_time() < until", "until > 0"),),
        ("tests/login_libraries/test_flask_login.py", "-k", "memory and ends_in_time"),
    ),
    Mutant(
        "that Flask-Login sends no remember cookie",
        (Change("flask_login.py", "manager._set_cookie = _nothing", "manager._sent = _nothing"),),
        ("tests/login_libraries/test_flask_login.py", "-k", "memory and no_remember_cookie"),
    ),
    Mutant(
        "a remember cookie that is not honoured",
        (
            Change(
                "flask_login.py",
                'vars(headers.unproxied(request))["cookies"] = ImmutableMultiDict(others)',
                "del others",
            ),
        ),
        ("tests/login_libraries/test_flask_login.py", "-k", "memory and not_honoured"),
    ),
    Mutant(
        "a remembered session in another browser",
        (
            Change(
                "flask_login.py",
                'if "_user_id" not in session or session.lifetime is not None:',
                'if "_user_id" not in session:',
            ),
        ),
        ("tests/login_libraries/test_flask_login.py", "-k", "memory and strong_protection_ends"),
    ),
    Mutant(
        "a login from before is on the list",
        (
            Change(
                "flask_login.py",
                "if state.owner is None and is_name(user_id):",
                "if is_name(user_id) and not user_id:",
            ),
        ),
        ("tests/login_libraries/test_flask_login.py", "-k", "memory and listed_from_the_next"),
    ),
    Mutant(
        "that Quart-Auth's cookie goes",
        (Change("quart_auth.py", "if self._has_cookie(ours):", "if ours is None:"),),
        ("tests/login_libraries/test_quart_auth.py", "-k", "memory and logs_in_once"),
    ),
    Mutant(
        "what follows a session in MessagePack is seen",
        (Change("migration/flask_session.py", "if pair[1] != digest:", "if False:"),),
        ("tests/migration/test_filed_data.py", "-k", "flask_session_cannot and maps"),
    ),
    Mutant(
        "pickles are named as such",
        (Change("migration/flask_session.py", "raw.startswith(_PICKLES) and", "False and"),),
        ("tests/migration/test_golden.py", "-k", "pickle"),
    ),
    Mutant(
        "an old session with a value that ours cannot hold is none",
        (Change("migration/kept.py", "if codec.encode_if_fit(named) is None:", "if False:"),),
        ("tests/migration/test_filed_data.py", "-k", "cannot_have_written"),
    ),
    Mutant(
        "an old session that is too large is not decoded",
        (Change("migration/kept.py", "if len(raw) > max_bytes:", "if False:"),),
        ("tests/migration/test_filed_data.py", "-k", "cannot_have_written and large"),
    ),
    Mutant(
        "the signature of an old id",
        (
            Change(
                "migration/old_ids.py",
                "if signature is not None and not self",
                "if False and not self",
            ),
        ),
        ("tests/migration/test_old_ids.py", "-k", "signature"),
    ),
    Mutant(
        "a bare id is none where the library signed",
        (Change("migration/old_ids.py", "'' if signed else '?'", "'?'"),),
        ("tests/migration/test_old_ids.py", "-k", "bare"),
    ),
    Mutant(
        "a signed cookie has one id",
        (Change("migration/signed_cookie.py", 'proved.signed.decode("ascii")', "value"),),
        ("tests/migration/test_signed_cookie.py", "-k", "has_one_id"),
    ),
    Mutant(
        "a signed cookie counts as long as for the framework",
        (
            Change(
                "migration/signed_cookie.py",
                "is_of_age(proved.written, now, self._lifetime)",
                "is_of_age(proved.written, now, self._lifetime + 1)",
            ),
        ),
        ("tests/migration/test_signed_cookie.py", "-k", "as_long_as"),
    ),
    Mutant(
        "a tag of the application's own is seen",
        (
            Change(
                "core/cookie_only/tagged_json.py",
                'if reader is None and name.startswith(" ")',
                'if False and name.startswith(" ")',
            ),
        ),
        ("tests/migration/test_filed_data.py", "-k", "cannot_have_written and application"),
    ),
    Mutant(
        "Quart-Session's address of a visitor is left out",
        (Change("migration/quart_session.py", "_ = data.pop(_ADDRESS, None)", "pass"),),
        ("tests/migration/test_filed_data.py", "-k", "address"),
    ),
    Mutant(
        "a row of Flask-Session's without an end has expired",
        (
            Change(
                "stores/sqlalchemy/foreign_rows.py",
                "    if expiry is None:\n        return None\n",
                "    if expiry is None:\n        return Foreign(data, None)\n",
            ),
        ),
        ("tests/stores/test_foreign_records.py", "-k", "sqlite and without_an_end"),
    ),
    Mutant(
        "no more of a row of Flask-Session's is read than may be",
        (
            Change(
                "stores/sqlalchemy/foreign_rows.py",
                "sa.case((fits, row.data), else_=None)",
                "row.data",
            ),
            Change(
                "stores/sqlalchemy/foreign_rows.py",
                "if fits is not None and not fits:",
                "if False:",
            ),
        ),
        ("tests/stores/test_foreign_records.py", "-k", "sqlite and too_large"),
    ),
    Mutant(
        "no more of another library's key in Redis is read than may be",
        (
            Change(
                "stores/redis/store.py",
                "commands.get_range(key, self._max_bytes + 1)",
                "commands.get(key)",
            ),
        ),
        ("tests/stores/test_foreign_records.py", "-k", "no_more_is_read"),
    ),
    Mutant(
        "what is not saved yet survives a session that is read again",
        (
            Change(
                "core/saving.py",
                "show(session, state.journal.rebase(base, data_of(session), data, sent))",
                "show(session, data)",
            ),
        ),
        ("tests/races/test_reload.py", "-k", "memory and others_wrote"),
    ),
    Mutant(
        "what an earlier save wrote unheard is not done again",
        (
            Change(
                "core/unsaved_changes.py",
                "self.changes(base, fit)[done:]",
                "self.changes(base, fit)",
            ),
        ),
        ("tests/races/test_reload.py", "-k", "memory and done_once"),
    ),
    Mutant(
        "a new secret ends a session for who has the old one",
        (
            Change(
                "core/reloading.py",
                "if self._writer.is_live(record, before):",
                "if record.sid == before.record.sid:",
            ),
        ),
        ("tests/races/test_reload.py", "-k", "memory and planted"),
    ),
    Mutant(
        "a block of a socket whose writes are dropped says so",
        (Change("open_sessions.py", "if unkept and state.lost is not None", "if False"),),
        ("tests/races/test_reload.py", "-k", "memory and block_of_a_socket"),
    ),
    Mutant(
        "Redis tells of a new secret",
        (
            Change(
                "stores/redis/scripts.py",
                "string.sub(ARGV[2], 31, 54) ~= string.sub(front, 31, 54)",
                "false",
            ),
        ),
        ("tests/stores/test_redis_notices.py", "-k", "ends_a_session"),
    ),
    Mutant(
        "a swap leaves a new secret to the script that tells of it",
        (
            Change(
                "stores/redis/store.py",
                "is_short and secret_of(expected) == secret_of(record)",
                "is_short",
            ),
        ),
        ("tests/stores/test_redis_notices.py", "-k", "ends_a_session and swapped"),
    ),
    Mutant(
        "Redis tells of many that are deleted",
        (
            Change(
                "stores/redis/store.py",
                "yield from self._notices.tell(self.client, keys)",
                "pass",
            ),
        ),
        ("tests/stores/test_redis_notices.py", "-k", "ends_a_session"),
    ),
    Mutant(
        "a listener that is lost has all sessions looked at",
        (Change("quart/watcher.py", "self._hear_again(hears=False)", "self._hears = False"),),
        ("tests/stores/test_redis_watching.py", "-k", "looked_at_at_once"),
    ),
    Mutant(
        "a socket that has just been opened is looked at",
        (Change("quart/watcher.py", "self._fresh_at = loop_time(self._loop) + FRESH", "pass"),),
        ("tests/web/test_watching.py", "-k", "memory and has_just_been_opened"),
    ),
    Mutant(
        "an open socket is no sign of a user",
        (
            Change(
                "quart/watcher.py",
                "self._app_sessions.config.sockets.sockets_renew",
                "True",
            ),
        ),
        ("tests/web/test_watching.py", "-k", "memory and keeps_its_session_alive"),
    ),
    Mutant(
        "a session that sockets keep alive stays in its owner's list",
        (
            Change(
                "core/flow.py",
                "yield from self._filing.keep_listed(record)\n        state_of",
                "state_of",
            ),
        ),
        ("tests/web/test_watching.py", "-k", "sqlite and keeps_its_session_alive"),
    ),
    Mutant(
        "a session that blocks keep alive stays in its owner's list",
        (
            Change(
                "core/flow.py",
                "yield from self._filing.keep_listed(record)\n            data",
                "pass\n            data",
            ),
        ),
        ("tests/web/test_modified.py", "-k", "sqlite and owners_list"),
    ),
    Mutant(
        "an interrupted block takes its own cancellation alone",
        (
            Change(
                "quart/ended.py",
                "return self.is_set() and self._task.uncancel()",
                "return self._task.uncancel()",
            ),
        ),
        ("tests/web/test_watching.py", "-k", "memory and no_end_of_the_session"),
    ),
    Mutant(
        "an old cookie opens its session for 60 seconds",
        (Change("core/migrated.py", "return now < until and", "return"),),
        ("tests/unit/test_migrating.py", "-k", "for_60_seconds"),
    ),
    Mutant(
        "the new cookie ends the old one",
        (Change("core/next_record.py", "keeps=signed is None or by_old_cookie", "keeps=True"),),
        ("tests/unit/test_migrating.py", "-k", "first_request_with_the_new"),
    ),
    Mutant(
        "who has read an old session that ended files it no more",
        (Change("core/migrating.py", "if standing != mark:", "if False:"),),
        ("tests/races/test_old_cookies.py", "-k", "a_logout_is_final_in_every_order"),
    ),
    Mutant(
        "one request alone begins the session of an old one",
        (Change("core/migrating.py", "if outcome is not Outcome.WRITTEN:", "if False:"),),
        ("tests/races/test_old_cookies.py", "-k", "of_two_requests_at_once"),
    ),
    Mutant(
        "what a request has begun is no session",
        (
            Change(
                "core/own_records.py",
                "return None if record is None or is_pending(record) else record",
                "return record",
            ),
        ),
        ("tests/unit/test_migrating.py", "-k", "only_begun"),
    ),
    Mutant(
        "equal signed cookies share no session",
        (
            Change(
                "core/old_cookies.py",
                "return Followed(followed) if alone else Nothing(None)",
                "return Followed(followed)",
            ),
        ),
        ("tests/unit/test_migrating.py", "-k", "equal_cookies"),
    ),
    Mutant(
        "an old cookie is noted by each key",
        (
            Change(
                "core/migrating.py",
                "for place in reversed(found.places):",
                "for place in found.places[:1]:",
            ),
        ),
        ("tests/unit/test_migrating.py", "-k", "during_a_rotation"),
    ),
    Mutant(
        "no opcode of a pickle is passed over",
        (
            Change(
                "migration/plain_pickle.py",
                "_ACTS.get(opcode.name)",
                "_ACTS.get(opcode.name, _nothing)",
            ),
        ),
        ("tests/unit/test_plain_pickle.py", "-k", "make_or_change_objects"),
    ),
    Mutant(
        "a pickle calls nothing but what stands for it here",
        (
            Change(
                "migration/plain_pickle.py",
                "if type(named) is not Maker or type(args) is not tuple:",
                "if type(args) is not tuple:",
            ),
        ),
        ("tests/unit/test_plain_pickle.py", "-k", "make_or_change_objects"),
    ),
    Mutant(
        "how deep a pickle may be",
        (Change("migration/plain_pickle.py", "if depth > _DEPTH:", "if False:"),),
        ("tests/unit/test_plain_pickle.py", "-k", "does_not_become and deep and tuple"),
    ),
    Mutant(
        "days that there are not",
        (
            Change(
                "migration/plain_names.py",
                'return dt.date(int.from_bytes(raw[:2], "big"), raw[2], raw[3])',
                "return dt.date(raw)",
            ),
        ),
        ("tests/unit/test_plain_pickle.py", "-k", "states_of_other"),
    ),
    Mutant(
        "pickles are read for who asks for it alone",
        (Change("migration/moving_records.py", "if not unpickles:", "if False:"),),
        ("tests/web/test_migrate_command.py", "-k", "filesystem and unless_that"),
    ),
    Mutant(
        "an old session that has expired is not moved",
        (
            Change(
                "cli/moving.py",
                "record.expires is not None and record.expires <= self.clock()",
                "False",
            ),
        ),
        ("tests/web/test_migrate_command.py", "-k", "filesystem and fixed_words"),
    ),
    Mutant(
        "a session lives no longer for being moved",
        (Change("core/moving.py", "0 if expires is None else int(expires)", "0"),),
        ("tests/web/test_migrate_command.py", "-k", "filesystem and lives_no_longer"),
    ),
    Mutant(
        "what was created too late is taken back",
        (Change("core/moving.py", "if notes and not any(", "if False and not any("),),
        ("tests/races/test_moving.py", "-k", "logs_out"),
    ),
    Mutant(
        "who ends a moved session has ended it",
        (Change("core/ending_moved.py", "if moved is not None:", "if False:"),),
        ("tests/races/test_moving.py", "-k", "who_ends_it"),
    ),
    Mutant(
        "who ends a moved session by its sid has ended it",
        (Change("core/filing.py", "if ends and self._moved is not None:", "if False:"),),
        ("tests/faults/test_moved_own_store.py", "-k", "redis and application"),
    ),
    Mutant(
        "a proof of a device counts once",
        (
            Change(
                "core/device_binding.py",
                "tuple(each for each in device.challenges if each.hash != challenge)",
                "device.challenges",
            ),
        ),
        ("tests/unit/test_device_binding.py", "-k", "counts_once"),
    ),
    Mutant(
        "only the challenge that was offered binds a session",
        (Change("core/device_binding.py", "if _answers(device, offer, at):", "if True:"),),
        ("tests/unit/test_device_binding.py", "-k", "not_offered or in_time"),
    ),
    Mutant(
        "a challenge for a device is not too old",
        (Change("core/device_binding.py", "_is_of_age(each.at, now, CHALLENGE_LIFE)", "True"),),
        ("tests/unit/test_device_binding.py", "-k", "in_time"),
    ),
    Mutant(
        "a bound session takes no second key",
        (
            Change(
                "core/device_binding.py",
                "case None | Offered(), Offer(challenge, at):",
                "case _, Offer(challenge, at):",
            ),
        ),
        ("tests/unit/test_device_binding.py", "-k", "second_key"),
    ),
    Mutant(
        "a new owner drops the binding to a device",
        (Change("core/next_record.py", "draft.cleared or owner != current.owner", "False"),),
        ("tests/unit/test_device_flow.py", "-k", "drops_the_binding"),
    ),
    Mutant(
        "an anonymous session that is cleared is bound no more",
        (
            Change(
                "core/next_record.py",
                "draft.cleared or owner != current.owner",
                "owner != current.owner",
            ),
        ),
        ("tests/unit/test_device_flow.py", "-k", "anonymous"),
    ),
    Mutant(
        "a token in a header opens no bound session",
        (
            Change(
                "core/device_checks.py",
                "if not self._by_header or device is",
                "if True or device is",
            ),
        ),
        ("tests/unit/test_device_flow.py", "-k", "in_a_header"),
    ),
    Mutant(
        "a bound cookie is fresh",
        (
            Change(
                "core/device_checks.py",
                "at <= now + SKEW and now <= at + self._freshness",
                "at <= now + SKEW",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "fresh"),
    ),
    Mutant(
        "a bound cookie is not of the future",
        (
            Change(
                "core/device_checks.py",
                "at <= now + SKEW and now <= at + self._freshness",
                "now <= at + self._freshness",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "fresh_one"),
    ),
    Mutant(
        "a bound session needs its bound cookie where that is required",
        (Change("core/device_checks.py", "if not self.rules.requires:", "if True:"),),
        ("tests/unit/test_device_checks.py", "-k", "refused_where"),
    ),
    Mutant(
        "a grace needs the browser's word",
        (
            Change(
                "core/device_checks.py",
                "rules.grace > 0 and in_grace and presented.skipped is not None",
                "rules.grace > 0 and in_grace",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "grace"),
    ),
    Mutant(
        "a grace is counted from the last proof in the record",
        (
            Change(
                "core/device_checks.py",
                "in_grace = over - rules.margin <= now < over + rules.grace",
                "in_grace = True",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "grace"),
    ),
    Mutant(
        "a new secret brings the old end of the bound cookie",
        (Change("core/device_checks.py", "at = device.proved_at", "at = int(self.clock())"),),
        ("tests/unit/test_device_checks.py", "-k", "old_end or no_fresh_one"),
    ),
    Mutant(
        "who took a session over keeps its bound cookie",
        (
            Change(
                "core/device_checks.py",
                "if state.lost is not None and not state.lost.drop:",
                "if False:",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "taken_over"),
    ),
    Mutant(
        "a bound cookie is of one secret and one device",
        (
            Change(
                "core/bound_cookie.py",
                '(sid.encode("ascii"), secret_hash, thumbprint, at)',
                '(sid.encode("ascii"), at)',
            ),
        ),
        ("tests/unit/test_bound_cookie.py", "-k", "elsewhere or another_device or for_ever"),
    ),
    Mutant(
        "a remembered proof of a device is of one secret and one device",
        (Change("core/bound_cookie.py", "proof is not None and proof.of == of and", "proof and"),),
        ("tests/unit/test_bound_cookie.py", "-k", "remembered"),
    ),
    Mutant(
        "a remembered proof of a device is by the keys that count",
        (Change("core/bound_cookie.py", "hashlib.sha256(of_keys).digest()", "bytes(32)"),),
        ("tests/unit/test_bound_cookie.py", "-k", "remembered"),
    ),
    Mutant(
        "a tossed cookie does not win over a bound session",
        (
            Change(
                "core/opening.py",
                "isinstance(opened, ServerSession) or opened.event is Event.DEVICE_REFUSED",
                "isinstance(opened, ServerSession)",
            ),
        ),
        ("tests/unit/test_device_flow.py", "-k", "tossed"),
    ),
    Mutant(
        "an offer to bind a session is stored by no cache",
        (Change("headers.py", "if besides.lines:", "if False:"),),
        ("tests/web/test_device_sessions.py", "-k", "memory and several_requests"),
    ),
    Mutant(
        "a WebSocket is not let in as one that comes to prove",
        (
            Change(
                "device_requests.py",
                'request.method == "POST" and request.path in self._paths',
                "request.path in self._paths",
            ),
        ),
        ("tests/unit/test_device_requests.py", "-k", "only_a_post"),
    ),
    Mutant(
        "no offer is made over plain http",
        (Change("core/device_offers.py", "if not device.presented.is_secure:", "if False:"),),
        ("tests/unit/test_device_flow.py", "-k", "plain_http"),
    ),
    Mutant(
        "only what another site's page began is sent round once",
        (Change("device_arrival.py", 'said.get("Sec-Fetch-Site") in _ELSEWHERE', "True"),),
        ("tests/unit/test_device_arrival.py",),
    ),
    Mutant(
        "who is sent round once stays on this host",
        (Change("device_arrival.py", '.lstrip("/"), safe', ", safe"),),
        ("tests/unit/test_device_arrival.py",),
    ),
    Mutant(
        "nobody is sent round for a proof that would not help",
        (Change("core/device_state.py", "reason in PROVABLE and", ""),),
        ("tests/unit/test_device_flow.py",),
    ),
    Mutant(
        "the application cannot make another site's of the page that sends round",
        (Change("answering.py", "device.is_ours:", "device.presented.proves:"),),
        ("tests/web/test_device_links.py", "-k", "memory and the_page_is_ours"),
    ),
    Mutant(
        "a device's key has signed its proof",
        (Change("device/keys.py", "_VERIFY[self.alg](members, signature, signed)", "pass"),),
        ("tests/unit/test_device_proofs.py", "-k", "rfc"),
    ),
    Mutant(
        "a registration is signed by the key that it brings",
        (
            Change(
                "device/proofs.py",
                'key = public_key(found.header["alg"], found.header.get("jwk"))\n'
                "    key.check(found.signature, found.signed)",
                'key = public_key(found.header["alg"], found.header.get("jwk"))',
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "of_another_is_not_registered"),
    ),
    Mutant(
        "a proof is signed by the key in the record",
        (
            Change(
                "device/proofs.py",
                'raise BadProof("the algorithm is not the key\'s")\n'
                "    key.check(found.signature, found.signed)",
                'raise BadProof("the algorithm is not the key\'s")',
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "another_key_proves_nothing"),
    ),
    Mutant(
        "a proof is by the algorithm of the key in the record",
        (Change("device/proofs.py", 'if found.header["alg"] != key.alg:', "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "must_be_a_proof"),
    ),
    Mutant(
        "a proof of a device is by an algorithm that is offered",
        (Change("device/proofs.py", ' or header.get("alg") not in ALGORITHMS', ""),),
        ("tests/unit/test_device_proofs.py", "-k", "must_be_a_proof"),
    ),
    Mutant(
        "no other kind of JWT is a proof of a device",
        (Change("device/proofs.py", 'header.get("typ") != _TYPE or ', ""),),
        ("tests/unit/test_device_proofs.py", "-k", "must_be_a_proof"),
    ),
    Mutant(
        "a proof says nothing that must be understood and is not",
        (Change("device/proofs.py", 'if "crit" in header:', "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "must_be_a_proof"),
    ),
    Mutant(
        "the challenge in a proof is short",
        (Change("device/proofs.py", "not 0 < len(challenge) <= _MOST_OF_CHALLENGE", "False"),),
        ("tests/unit/test_device_proofs.py", "-k", "must_be_a_proof"),
    ),
    Mutant(
        "a proof of a device is short",
        (Change("device/proofs.py", "if len(text) > MOST_CHARACTERS:", "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "too_long"),
    ),
    Mutant(
        "a key of a device is public",
        (Change("device/keys.py", '"d" in said or ', ""),),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a key of a device is its algorithm's",
        (Change("device/keys.py", ' or said.get("alg", alg) != alg', ""),),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a key of a device is of its algorithm's kind",
        (Change("device/keys.py", ' or members["kty"] != kind', ""),),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a key of a device is on the one curve",
        (Change("device/keys.py", 'if members["crv"] != "P-256":', "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a coordinate of a device's key has one spelling",
        (
            Change(
                "device/keys.py",
                "if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:",
                "if False:",
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "an RSA key of a device is neither weak nor slow",
        (
            Change(
                "device/keys.py",
                "if not _LEAST_BITS <= modulus.bit_length() <= _MOST_BITS:",
                "if False:",
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key or smaller"),
    ),
    Mutant(
        "an RSA key of a device has a quick exponent",
        (
            Change(
                "device/keys.py",
                "if not modulus & exponent & 1 or not 1 < exponent <= _MOST_EXPONENT:",
                "if False:",
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a number of a device's key has one spelling",
        (Change("device/keys.py", 'if found.startswith(b"\\0"):', "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "no_public_key"),
    ),
    Mutant(
        "a signature of a device is of two halves",
        (Change("device/keys.py", "if len(signature) != 2 * _COORDINATE_BYTES:", "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "two_halves"),
    ),
    Mutant(
        "base64url of a proof has one spelling",
        (
            Change(
                "device/strict_json.py",
                'if urlsafe_b64encode(found).rstrip(b"=") != text.encode():',
                "if False:",
            ),
        ),
        ("tests/unit/test_device_proofs.py", "-k", "every_other_way"),
    ),
    Mutant(
        "a proof is of base64url alone",
        (Change("device/strict_json.py", "not _ALPHABET.fullmatch(text) or ", ""),),
        ("tests/unit/test_device_proofs.py", "-k", "every_other_way"),
    ),
    Mutant(
        "a name appears once in a proof",
        (Change("device/strict_json.py", "if len(found) != len(pairs):", "if False:"),),
        ("tests/unit/test_device_proofs.py", "-k", "one_json_object"),
    ),
    Mutant(
        "a proof's depth is bounded",
        (Change("device/strict_json.py", "(ValueError, RecursionError)", "ValueError"),),
        ("tests/unit/test_device_proofs.py", "-k", "one_json_object"),
    ),
    Mutant(
        "what a proof has is JSON alone",
        (Change("device/strict_json.py", ", parse_constant=_refuse", ""),),
        ("tests/unit/test_device_proofs.py", "-k", "one_json_object"),
    ),
    Mutant(
        "a proof is for the session that the browser names",
        (Change("device/endpoints.py", "self._sid() != asked or ", ""),),
        ("tests/web/test_devices.py", "-k", "memory and its_session_alone"),
    ),
    Mutant(
        "a proof that was not saved does not count",
        (
            Change(
                "device/endpoints.py",
                "if self._device.done and self._sid() is not None:",
                "if self._sid() is not None:",
            ),
        ),
        ("tests/races/test_devices.py", "-k", "memory and of_two_proofs"),
    ),
    Mutant(
        "a registration that was not saved does not count",
        (
            Change(
                "device/endpoints.py",
                "if self._device.done and (sid := self._sid()) is not None:",
                "if (sid := self._sid()) is not None:",
            ),
        ),
        ("tests/races/test_devices.py", "-k", "memory and of_two_registrations"),
    ),
    Mutant(
        "a challenge that was not saved is not sent",
        (
            Change(
                "device/endpoints.py", "if self._device.done and self._sid() == asked:", "if True:"
            ),
        ),
        ("tests/races/test_devices.py", "-k", "memory and who_asks_late"),
    ),
    Mutant(
        "who has no session causes no signal of a device",
        (
            Change(
                "device/endpoints.py",
                "if self._sid() is None:\n            return answers.REFUSED",
                "",
            ),
        ),
        ("tests/web/test_device_endpoints.py", "-k", "causes_no_signal"),
    ),
    Mutant(
        "a header of a device comes once",
        (Change("device/endpoints.py", "len(found) > 1 or ", ""),),
        ("tests/web/test_devices.py", "-k", "memory and comes_twice"),
    ),
    Mutant(
        "the name of a browser's session is short",
        (Change("device/endpoints.py", " or len(found[0]) > MOST_CHARACTERS + 2", ""),),
        ("tests/web/test_devices.py", "-k", "memory and not_there_has_one"),
    ),
    Mutant(
        "only the session with another secret is asked for again",
        (
            Change(
                "device/endpoints.py",
                "self._device.replaced == asked",
                "self._device.replaced is not None",
            ),
        ),
        ("tests/web/test_device_accounts.py", "-k", "memory and secret_of_before"),
    ),
    Mutant(
        "only the two paths are the device's",
        (
            Change(
                "device_requests.py",
                "and request.path in self._paths",
                "and request.path.startswith(self.path)",
            ),
        ),
        ("tests/unit/test_device_requests.py", "-k", "one_of_two_paths"),
    ),
    Mutant(
        "only a browser's own code has its session looked up",
        (
            Change(
                "device_requests.py",
                "values if self._settings.is_in_order(self._request) else ()",
                "values",
            ),
        ),
        ("tests/web/test_device_endpoints.py", "-k", "only_what_a_browser_sends"),
    ),
    Mutant(
        "a proof of a device keeps no session alive",
        (
            Change(
                "app_sessions.py",
                "values, renew = shown.at_endpoint(values), False",
                "values = shown.at_endpoint(values)",
            ),
        ),
        ("tests/web/test_device_accounts.py", "-k", "memory and idle_timeout"),
    ),
    Mutant(
        "no application lets other sites read the device's answers",
        (Change("device_requests.py", "if name.lower().startswith(_ALLOWING):", "if False:"),),
        ("tests/web/test_device_endpoints.py", "-k", "lets_another_site_in"),
    ),
    Mutant(
        "no other site embeds the device's answers",
        (
            Change(
                "device_requests.py",
                "response.headers.set(name, value)",
                "response.headers.setdefault(name, value)",
            ),
        ),
        ("tests/web/test_device_endpoints.py", "-k", "lets_another_site_in"),
    ),
    Mutant(
        "the bound cookie goes over https alone",
        (Change("device_requests.py", '"secure": True,', '"secure": cookie.secure,'),),
        ("tests/web/test_devices.py", "-k", "memory and no_script"),
    ),
    Mutant(
        "no script reads the bound cookie",
        (Change("device_requests.py", '"httponly": True,', '"httponly": cookie.httponly,'),),
        ("tests/web/test_devices.py", "-k", "memory and no_script"),
    ),
    Mutant(
        "only a browser's known words reach a signal",
        (Change("device_requests.py", "word if word in _WORDS else events.DEVICE_OTHER", "word"),),
        ("tests/unit/test_device_requests.py", "-k", "one_of_few"),
    ),
    Mutant(
        "only a navigation is sent round once",
        (Change("device_arrival.py", 'and said.get("Sec-Fetch-Mode") == "navigate"', ""),),
        ("tests/unit/test_device_arrival.py", "-k", "nothing_else"),
    ),
    Mutant(
        "only a page is sent round once",
        (Change("device_arrival.py", 'and said.get("Sec-Fetch-Dest") == "document"', ""),),
        ("tests/unit/test_device_arrival.py", "-k", "nothing_else"),
    ),
    Mutant(
        "a form that is sent is not lost on the way round",
        (Change("device_arrival.py", 'request.method == "GET" and', ""),),
        ("tests/unit/test_device_arrival.py", "-k", "nothing_else"),
    ),
    Mutant(
        "who is sent round once gets no script",
        (Change("device_arrival.py", "escape(url)", "url"),),
        ("tests/unit/test_device_arrival.py", "-k", "same_url"),
    ),
    Mutant(
        "a proof at once is of just now",
        (Change("device_demand.py", "and now - device.proved_at <= JUST_NOW", ""),),
        ("tests/web/test_device_demand.py", "-k", "memory and comes_again"),
    ),
    Mutant(
        "a proof at once is asked for once a challenge",
        (Change("device_demand.py", "sum(is_open) > most or ", ""),),
        ("tests/web/test_device_demand.py", "-k", "memory and sent_once"),
    ),
    Mutant(
        "a session that is not bound proves nothing at once",
        (
            Change(
                "device_demand.py",
                "if not isinstance(bound, Binding) or state.loaded is None:\n"
                "        raise DeviceProofRequired",
                "if not isinstance(bound, Binding) or state.loaded is None:\n        return None",
            ),
        ),
        ("tests/web/test_device_demand.py", "-k", "memory and not_bound_is_turned"),
    ),
    Mutant(
        "a proof at once is proved anew",
        (Change("device_demand.py", "device.drop_cookie()", "pass"),),
        ("tests/web/test_device_demand.py", "-k", "memory and same_url"),
    ),
    Mutant(
        "a string in a header ends no line",
        (Change("structured_fields.py", "if not _PRINTABLE.fullmatch(value):", "if False:"),),
        ("tests/unit/test_structured_fields.py",),
    ),
    Mutant(
        "a field says one thing",
        (
            Change(
                "structured_fields.py",
                "found[0].value if len(found) == 1 else None",
                "found[0].value if found else None",
            ),
        ),
        ("tests/unit/test_structured_fields.py",),
    ),
    Mutant(
        "a copy without proofs keeps no bound session alive",
        (
            Change(
                "core/device_checks.py",
                "return now > went_on + idle_timeout(record, self._lifetimes) + SKEW",
                "return False",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "is_idle_whoever"),
    ),
    Mutant(
        "an idle session is not revived by a late proof",
        (
            Change(
                "core/device_checks.py",
                "if self.is_over(record, now) else state",
                "if False else state",
            ),
        ),
        ("tests/unit/test_device_checks.py", "-k", "revives_no_idle"),
    ),
    Mutant(
        "what was not proved for too long is deleted",
        (
            Change(
                "core/opening.py",
                "_ = yield from self.ending.ends(record, devices.is_over)",
                "pass",
            ),
        ),
        ("tests/unit/test_device_flow.py", "-k", "for_too_long_is_deleted"),
    ),
    Mutant(
        "what is proved in the meantime is not deleted",
        (Change("core/ending.py", "if not is_over(standing, self._clock()):", "if False:"),),
        ("tests/unit/test_device_flow.py", "-k", "in_the_meantime_is_not"),
    ),
)
