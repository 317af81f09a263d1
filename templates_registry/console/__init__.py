"""The pages of templates: the gallery, a template with its versions, and the playground of schemas."""
