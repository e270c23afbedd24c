"""What makes embeddings of texts: an application's own, an endpoint that speaks OpenAI's protocol, a model here."""

from memdb.embedders.protocol import AsyncEmbedder as AsyncEmbedder
from memdb.embedders.protocol import Embedder as Embedder
