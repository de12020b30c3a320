// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice How a certified material is kept apart from others, strongest first (ISO 22095). Numbers never change once released.
/// @dev A lot may only go down: a larger number says less.
enum CustodyModel {
    None,
    IdentityPreserved,
    Segregated,
    ControlledBlending,
    MassBalance,
    BookAndClaim
}

/// @notice A kind of green asset. Nothing of it ever changes once it is admitted.
struct AssetClass {
    /// Short name in ASCII, padded right with zeros: a lower-case letter, then up to 30 lower-case letters, digits, hyphens.
    bytes32 id;
    /// What is claimed, as a short name of the same alphabet: "deforestation-free".
    bytes32 attribute;
    /// UN/CEFACT Recommendation 20 code of the unit, upper case, padded right with zeros: "KGM".
    bytes32 unit;
    /// Quantities count 10^-decimals of the unit; 18 at most.
    uint8 decimals;
    /// The weakest custody model that the class promises.
    CustodyModel custodyModel;
    /// False: it is recorded, retired or cancelled by its holder, and never changes hands.
    bool isTradable;
    /// Days after the end of a vintage in which it may be claimed; 3,650 at most.
    uint32 claimDays;
    /// For people; 1 to 128 bytes.
    string name;
}

/// @notice What a certifier states of a lot or of an external registry's serials. Its ABI encoding has a fixed length, and is what
/// EIP-712 hashes. A text stands in it as SHA-256 of its UTF-8 bytes.
struct Evidence {
    /// SHA-256 of the statement's id.
    bytes32 id;
    /// The center in whose log the statement is an entry.
    bytes32 centerId;
    /// Who signs it: a member with that role.
    address certifier;
    /// Whose units these will be: the one who may issue them.
    address holder;
    bytes32 classId;
    /// The class's attribute, unit and decimals, for the certifier signs what it says.
    bytes32 attribute;
    bytes32 unit;
    uint8 decimals;
    /// In 10^-decimals of the unit; above 0.
    uint128 quantity;
    /// SHA-256 of the lot's identifier; zero where the evidence is an external registry's alone.
    bytes32 lot;
    /// SHA-256 of the facility's identifier.
    bytes32 facility;
    /// First and last day, days since 1970-01-01.
    uint32 vintageFrom;
    uint32 vintageTo;
    CustodyModel custodyModel;
    /// Short name of the registry that gave the serials; zero where there is none.
    bytes32 originRegistry;
    /// First and last serial; both 0 where there is no registry.
    uint64 serialFrom;
    uint64 serialTo;
    /// SHA-256 of the certificate's bytes.
    bytes32 certificateDigest;
    /// ISO 3166-1 alpha-2, upper case: where the facility stands.
    bytes2 economy;
}

/// @notice That a center's anchored log holds the entry of a statement (RFC 9162, 2.1.3.1).
struct Inclusion {
    /// Of a root that is anchored.
    uint64 treeSize;
    uint64 leafIndex;
    /// Siblings from the leaf upward.
    bytes32[] path;
}

/// @notice Where new ranges belong among those that are used: each number is the start of the range right before, plus one; 0 for
/// none before. Whoever asks looks it up (`placement`), so that the contract need not search.
struct Placement {
    uint64 vintageAfter;
    uint64 serialAfter;
}

/// @notice What the register keeps of an admitted statement.
struct AdmittedEvidence {
    bytes32 classId;
    bytes32 lot;
    bytes32 attribute;
    uint128 quantity;
    /// Unix seconds.
    uint64 admittedAt;
    uint32 vintageFrom;
    uint32 vintageTo;
    CustodyModel custodyModel;
    address holder;
    /// Whose account that was then: the member who may issue, whatever its account is by now.
    bytes32 holderCenter;
    bytes32 holderMember;
    /// Who vouched for the certifier, and under which name.
    bytes32 certifierCenter;
    bytes32 certifierMember;
}

/// @notice All units issued out of one statement: one ERC-1155 token, whose id is the statement's EIP-712 digest.
/// @dev Tradable units are issued - escrowed - retired - cancelled.
struct Issuance {
    bytes32 classId;
    uint128 evidenced;
    uint128 issued;
    uint128 escrowed;
    uint128 retired;
    uint128 cancelled;
    bytes32 lot;
    uint32 vintageFrom;
    uint32 vintageTo;
    CustodyModel custodyModel;
}

/// @notice Sums over all issuances of a class.
struct Totals {
    uint256 issued;
    uint256 escrowed;
    uint256 retired;
    uint256 cancelled;
}

/// @notice What one account has of one issuance. `tradable` is its ERC-1155 balance.
struct Holding {
    uint256 tradable;
    uint128 escrowed;
    uint128 retired;
    uint128 cancelled;
}

/// @notice Numbers never change once released.
enum EscrowState {
    None,
    Open,
    Accepted,
    Returned
}

/// @notice Units that wait for a buyer's acceptance.
struct Escrow {
    address seller;
    /// Unix seconds; from here on the units go back to the seller, and acceptance is too late.
    uint64 deadline;
    EscrowState state;
    address buyer;
    uint256 tokenId;
    uint128 quantity;
    /// Blinded digest of the purchase line.
    bytes32 lineDigest;
}

/// @notice What a holder asks to be retired, for ever.
struct RetirementRequest {
    uint256 tokenId;
    uint128 quantity;
    /// The member that claims; the holder itself or another.
    address claimant;
    /// SHA-256 of the beneficiary's name.
    bytes32 beneficiary;
    /// First and last day of the claim, days since 1970-01-01.
    uint32 claimFrom;
    uint32 claimTo;
    /// The issuance's lot.
    bytes32 lot;
    /// Blinded digest of the purchase line; zero where there is none.
    bytes32 lineDigest;
    /// Chosen by the holder; one retirement each.
    bytes32 ref;
}

/// @notice A claim, one way.
struct Retirement {
    address holder;
    /// Unix seconds.
    uint64 retiredAt;
    RetirementRequest request;
}

/// @notice Something that an account signed for others to bring to the chain. Each is done once or refused once.
struct Act {
    address account;
    /// Chosen by the signer; makes the act one of its kind.
    bytes32 salt;
    /// Unix seconds; too late from here on.
    uint64 notAfter;
    /// A call of this contract.
    bytes call;
}

/// @notice What became of an act. Numbers never change once released.
enum ActState {
    None,
    Done,
    Refused
}
