-- The token that the flow of a draft will have, if it has no version yet: its URL is known before it is published.
ALTER TABLE drafts ADD COLUMN token TEXT NOT NULL DEFAULT '';
