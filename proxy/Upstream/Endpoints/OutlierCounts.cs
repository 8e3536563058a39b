namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>What an endpoint can be ejected for.</summary>
internal enum EjectionType : byte
{
    Consecutive5xx, ConsecutiveGatewayFailure, ConsecutiveLocalOriginFailure, SuccessRate, LocalOriginSuccessRate, FailurePercentage,
    LocalOriginFailurePercentage,
}

/// <summary>When the counts of an endpoint speak against it. Immutable.</summary>
/// <param name="Split">Failures on our side are counted apart.</param>
/// <param name="Found">Told on the worker where the last of so many failures was.</param>
internal sealed record OutlierLimits(int Consecutive5xx, int ConsecutiveGateway, int ConsecutiveLocal, bool Split,
    Action<Endpoint, EjectionType> Found);

/// <summary>
/// The mean of the success rates of a cluster's endpoints in the last interval, and below which one was ejected: of answers, and of
/// attempts to reach them. In percent; -1: there were too few of them to say. Immutable.
/// </summary>
internal sealed record SuccessRates(double Average, double Threshold, double LocalAverage, double LocalThreshold)
{
    public static readonly SuccessRates Unknown = new(-1, -1, -1, -1);
}

/// <summary>
/// What has come of an endpoint's requests, over all workers: failures one after another, and successes in the present interval
/// (Envoy: outlier detection). Workers count, whoever ejects reads and clears.
/// </summary>
internal sealed class OutlierCounts(Endpoint endpoint, OutlierLimits limits)
{
    private int _serverErrors, _gatewayErrors, _localFailures;
    private long _answers, _goodAnswers, _attempts, _goodAttempts;

    public volatile OutlierLimits Limits = limits;
    /// <summary>Of the last interval, in percent: of its answers, and of attempts to reach it; -1: there were too few to say.</summary>
    public double SuccessRate = -1, LocalOriginSuccessRate = -1;

    /// <summary>An answer of the endpoint.</summary>
    public void Answer(int status)
    {
        Interlocked.Increment(ref _answers);
        if (status < 500)
        {
            Interlocked.Increment(ref _goodAnswers);
            if (Volatile.Read(ref _serverErrors) != 0) Volatile.Write(ref _serverErrors, 0);
            if (Volatile.Read(ref _gatewayErrors) != 0) Volatile.Write(ref _gatewayErrors, 0);
            return;
        }
        var limits = Limits;
        if (status is >= 502 and <= 504)
        {
            if (Interlocked.Increment(ref _gatewayErrors) == limits.ConsecutiveGateway)
                limits.Found(endpoint, EjectionType.ConsecutiveGatewayFailure);
        }
        else Volatile.Write(ref _gatewayErrors, 0);
        if (Interlocked.Increment(ref _serverErrors) == limits.Consecutive5xx) limits.Found(endpoint, EjectionType.Consecutive5xx);
    }

    /// <summary>A connection could not be made, broke, or gave no answer in time.</summary>
    public void Fail(bool timeout)
    {
        var limits = Limits;
        if (!limits.Split)
        {
            Answer(timeout ? 504 : 503);
            return;
        }
        Interlocked.Increment(ref _attempts);
        if (Interlocked.Increment(ref _localFailures) == limits.ConsecutiveLocal)
            limits.Found(endpoint, EjectionType.ConsecutiveLocalOriginFailure);
    }

    /// <summary>A connection was there.</summary>
    /// <param name="isAll">No answer follows by which it would be counted (TCP): as good as one.</param>
    public void Connected(bool isAll = false)
    {
        if (!Limits.Split)
        {
            if (isAll) Answer(200);
            return;
        }
        Interlocked.Increment(ref _attempts);
        Interlocked.Increment(ref _goodAttempts);
        Volatile.Write(ref _localFailures, 0);
    }

    public void Reset(EjectionType type)
    {
        if (type == EjectionType.Consecutive5xx) Volatile.Write(ref _serverErrors, 0);
        else if (type == EjectionType.ConsecutiveGatewayFailure) Volatile.Write(ref _gatewayErrors, 0);
        else if (type == EjectionType.ConsecutiveLocalOriginFailure) Volatile.Write(ref _localFailures, 0);
    }

    /// <summary>What came in the interval that ends now, in all and successes; the next one begins.</summary>
    public (long Total, long Good) TakeAnswers() => (Interlocked.Exchange(ref _answers, 0), Interlocked.Exchange(ref _goodAnswers, 0));
    public (long Total, long Good) TakeAttempts() => (Interlocked.Exchange(ref _attempts, 0), Interlocked.Exchange(ref _goodAttempts, 0));
}
