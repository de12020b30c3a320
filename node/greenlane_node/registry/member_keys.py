"""Keys that a center makes and keeps for its members: made first, then named by the registry, and used only from then on.

A key lies under a name that nobody signs with until the registry names its account; after a crash the next run finds it there,
and asks the registry how far the one before has come. So no key is ever used that the registry does not know, and none is lost.
"""

from greenlane.adapters.evm.bindings import MemberRecord, MemberRole, UnixSeconds
from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.adapters.member_keys import (
    newest_member_key,
    next_member_key_name,
    retire_member_keys,
    settle_next_member_key,
)
from greenlane.core.units import Address, CenterId, MemberId

from greenlane_node.registry.acts import Acted, RegistryActs
from greenlane_node.registry.refusals import unknown_member


def vouch_with_kept_key(
    acts: RegistryActs,
    keystore: Keystore,
    member: MemberId,
    roles: MemberRole,
    term_start: UnixSeconds,
    term_end: UnixSeconds | None,
) -> Acted:
    """Vouches for a new member by an account whose key is made here and kept for it.

    Raises:
        RegistryRefused, ActUnsettled, ActReplaced.
        KeyFileInvalid: the key cannot be kept.
    """
    kept = newest_member_key(keystore, acts.center, member)
    # Of a member that is vouched for already the registry judges by its account.
    account = _next_account(keystore, acts.center, member, roles) if kept is None or kept.address is None else kept.address
    done = acts.vouch(member, account, roles, term_start, term_end)
    settle_next_member_key(keystore, acts.center, member)
    return done


def rotate_member_key(acts: RegistryActs, keystore: Keystore, member: MemberId, own: Address | None) -> Acted:
    """Lets another account sign for a member.

    Args:
        own: the account of a key that the member keeps itself; None: of one that is made here and kept for it.

    Raises:
        RegistryRefused: the center vouches for no such member, or another member has that account.
        ActUnsettled, ActReplaced.
        KeyFileInvalid: the key cannot be kept.
    """
    found = acts.chain.registry.member(acts.center, member)
    if found is None:
        raise unknown_member(acts.center, member)
    if own is None:
        done = acts.rotate_member_key(member, _next_account(keystore, acts.center, member, found.roles))
        settle_next_member_key(keystore, acts.center, member)
        return done
    done = acts.rotate_member_key(member, own)
    if key_kept_here(keystore, found, account=own) is None:
        retire_member_keys(keystore, acts.center, member)
    return done


def key_kept_here(keystore: Keystore, member: MemberRecord, *, account: Address | None = None) -> str | None:
    """The name of the key in this keystore that signs for a member; None where it is kept elsewhere.

    Args:
        account: the member's; None: the one in its record.
    """
    kept = newest_member_key(keystore, member.center, member.id)
    return kept.name if kept is not None and kept.address == (account or member.account) else None


def _next_account(keystore: Keystore, center: CenterId, member: MemberId, roles: MemberRole) -> Address:
    name = next_member_key_name(center, member)
    use = KeyUse.CERTIFIER if MemberRole.CERTIFIER in roles else KeyUse.MEMBER
    described = keystore.describe(name) if keystore.has(name) else keystore.create(name, use)
    # Of these uses every key is an account's.
    assert described.address is not None  # noqa: S101
    return described.address
