namespace Managed.Proxy.Http.Codecs;

/// <summary>What became of a look for a head in what has arrived.</summary>
internal enum HeadResult { NeedMore, Done, Error }

/// <summary>What became of a look for the next run of a body in what has arrived.</summary>
internal enum BodyResult { Data, NeedMore, End, Error }
