// The HTTP API and the handlers of events: Flex Consumption, scaled from zero.
import { identityRef } from 'types.bicep'

param location string
param tags object
param suffix string
param identity identityRef
param hostStorageName string
param packages string
param blobEndpoint string
param busEndpoint string
param workspace string
param adminKeySha256 string
param machines string
param insightsConnection string
param entraTenant string
param entraClientId string

@description('Subnet that the app goes out through; empty: none. With one, the store is closed to everybody else, and so are links to it.')
param subnet string

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-exp-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-exp-${suffix}'
  location: location
  tags: union(tags, { 'azd-service-name': 'functions' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnet) ? null : subnet
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packages
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      runtime: { name: 'dotnet-isolated', version: '10.0' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 }
    }
    siteConfig: { minTlsVersion: '1.2' }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: {
      AzureWebJobsStorage__accountName: hostStorageName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.clientId
      ServiceBus__fullyQualifiedNamespace: busEndpoint
      ServiceBus__credential: 'managedidentity'
      ServiceBus__clientId: identity.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
      AZURE_CLIENT_ID: identity.clientId
      EXP_BLOB_ENDPOINT: blobEndpoint
      EXP_SERVICEBUS: busEndpoint
      EXP_WORKSPACE: workspace
      EXP_MACHINES: machines
      EXP_ADMIN_KEY_SHA256: adminKeySha256
      EXP_DIRECT_LINKS: empty(subnet) ? 'on' : 'off'
      EXP_ENTRA_TENANT: entraTenant
      EXP_ENTRA_CLIENT_ID: entraClientId
    }
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
