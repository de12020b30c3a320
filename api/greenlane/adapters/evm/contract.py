"""What all contracts' classes share: one contract at one address, asked through one node."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from web3 import Web3
from web3.exceptions import BadResponseFormat, ContractLogicError, Web3RPCError
from web3.types import BlockIdentifier, LogReceipt, TxParams

from greenlane.adapters.evm.artifacts import AbiArgument, ContractRefused, NotThisContract, artifact, hex_bytes
from greenlane.adapters.evm.records import ContractEvent
from greenlane.adapters.evm.wire import NodeFault, Unreached, ask_many_raw
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import InvalidInput
from greenlane.core.units import (
    Address,
)

MOST_AT_ONCE: Final = 200
"""Calls in one question: far fewer than a node takes, for it has one deadline to answer them all."""


class Contract:
    """One contract at one address, asked through one node."""

    _name: ClassVar[str]

    def __init__(self, web3: Web3, address: Address) -> None:
        self._web3 = web3
        self.address = address

    def simulate(self, data: bytes, *, sender: Address, block: BlockIdentifier = "latest", gas: int | None = None) -> None:
        """Runs a call as `sender` would send it, and changes nothing.

        Args:
            gas: that is sent along; None for as much as the node gives.

        Raises:
            ContractRefused: the contract would refuse it.
        """
        self._ask(data, block, sender=sender, gas=gas)

    def has_code(self, block: BlockIdentifier = "latest") -> bool:
        """Whether any code stands at the address; whether it is this contract's is seen in what it answers."""
        with _answered("eth_getCode"):
            return bool(self._web3.eth.get_code(Web3.to_checksum_address(self.address), block))

    @classmethod
    def explain_revert(cls, data: bytes) -> str:
        """A sentence for a revert's data."""
        return artifact(cls._name).refusal(data).detail

    @classmethod
    def event(cls, log: LogReceipt) -> ContractEvent | None:
        """The event a log entry tells, or None where it is none of this contract's."""
        return artifact(cls._name).event([bytes(topic) for topic in log["topics"]], bytes(log["data"]))

    def _read(self, block: BlockIdentifier, function: str, *arguments: AbiArgument) -> tuple[Any, ...]:
        compiled = artifact(self._name)
        return compiled.decode_answer(function, self._ask(compiled.encode_call(function, *arguments), block))

    def _read_many(
        self, block: BlockIdentifier, function: str, arguments: Sequence[tuple[AbiArgument, ...]]
    ) -> list[tuple[Any, ...]]:
        """What one function answers to each of many arguments, in their order, in few round trips."""
        compiled = artifact(self._name)
        to = Web3.to_checksum_address(self.address)
        at = Web3.to_hex(block) if isinstance(block, int) else str(block)
        calls: list[tuple[str, list[JsonValue]]] = [
            ("eth_call", [{"to": to, "data": Web3.to_hex(compiled.encode_call(function, *each))}, at]) for each in arguments
        ]
        answers: list[tuple[Any, ...]] = []
        for start in range(0, len(calls), MOST_AT_ONCE):
            try:
                told = ask_many_raw(self._web3, calls[start : start + MOST_AT_ONCE])
            except (NodeFault, Unreached) as cause:
                raise BadResponseFormat(f"The node answers many {self._name}.{function} with: {cause}") from cause
            with _answered("eth_call"):
                answers += [compiled.decode_answer(function, hex_bytes(str(one))) for one in told]
        return answers

    @contextmanager
    def _believed(self, function: str) -> Iterator[None]:
        """Turns values into ours: what our contract never holds is no answer of it.

        Raises:
            NotThisContract: an id, a status, a kind or a time is none.
        """
        try:
            yield
        except (InvalidInput, ValueError, OverflowError) as cause:
            raise NotThisContract(f"What {self._name}.{function} answers is nothing that the contract holds.") from cause

    def _ask(self, data: bytes, block: BlockIdentifier, *, sender: Address | None = None, gas: int | None = None) -> bytes:
        call: TxParams = {"to": Web3.to_checksum_address(self.address), "data": Web3.to_hex(data)}
        if sender is not None:
            call["from"] = Web3.to_checksum_address(sender)
        if gas is not None:
            call["gas"] = gas
        with _answered("eth_call"):
            try:
                return bytes(self._web3.eth.call(call, block))
            except ContractLogicError as cause:
                # web3 has its own words for errors it can decode; the bytes are what we judge by.
                told = cause.data if isinstance(cause.data, str) and cause.data.startswith("0x") else None
                if told is None:
                    raise ContractRefused("Unknown", {"message": str(cause.message)}) from cause
                raise artifact(self._name).refusal(hex_bytes(told)) from cause
            except Web3RPCError as cause:
                if gas is None or "gas" not in str(cause).lower():
                    raise
                raise ContractRefused("Unknown", {"message": f"It needs more than the {gas} gas it is given."}) from cause


@contextmanager
def _answered(method: str) -> Iterator[None]:
    """Has web3, which takes what a node answers for what it should answer, say that it is not.

    Raises:
        BadResponseFormat: the answer is no bytes.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError) as cause:
        raise BadResponseFormat(f"What the node answers to {method} is none.") from cause
