"""GS1 EPCIS 2.0 and CBV 2.0: identifiers, vocabulary, events and the event hash."""
