"""A center's chain nodes: Hyperledger Besu, one validator and, where wanted, one node that answers."""
