// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A member whose account is a contract: when it gets units, it does what it was told to, and keeps what came of it.
contract Receiver {
    address private _target;
    bytes[] private _calls;
    /// How many of its calls were carried out, and how many were not.
    uint256 public carried;
    uint256 public refused;
    bytes public lastAnswer;

    function plan(address target, bytes[] memory calls) external {
        _target = target;
        _calls = calls;
        (carried, refused) = (0, 0);
    }

    function act(address target, bytes memory call) external returns (bytes memory answer) {
        bool isDone;
        (isDone, answer) = target.call(call);
        require(isDone, "the contract refused");
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        _try();
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        returns (bytes4)
    {
        _try();
        return this.onERC1155BatchReceived.selector;
    }

    function _try() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool isDone, bytes memory answer) = _target.call(_calls[i]);
            lastAnswer = answer;
            if (isDone) carried++;
            else refused++;
        }
    }
}

/// @notice A member whose account is a contract that refuses at length.
contract Grumbler {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        assembly {
            revert(0, 100000)
        }
    }
}

/// @notice A member whose account is a contract that burns all gas it is given.
contract Glutton {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        assembly {
            invalid()
        }
    }
}
