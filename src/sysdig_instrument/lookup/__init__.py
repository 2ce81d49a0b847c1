"""Image configs out of registries: the only code of this package that speaks HTTP.

From the values outwards: ``reference`` and ``manifest`` are pure; ``addresses``, ``urls``, ``dialling``, ``connection``
and ``http`` carry a request safely to a host; ``challenge``, ``login`` and ``tokens`` get it admitted there; ``image``
walks from a reference to a config, over ``distribution`` (any OCI registry) or ``ecr`` (Amazon ECR's own API); ``images``
does so for many, with a ``crew`` of threads. ``parameters``, ``exports`` and ``secrets`` ask the other AWS services.
``sysdig_instrument.lookup.answers`` puts it all together.
"""
